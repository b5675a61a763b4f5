// -- equity, drawdown and exposure share one range and one pointer --

const curve = data.curve;
const account = { whole: { from: curve.t[0], to: curve.t.at(-1) }, at: null, drawings: [] };
account.view = account.whole;
account.show = (view) => {
  account.view = view;
  place("whole").hidden = view === account.whole;
  account.point(null);
};
account.point = (ms) => {
  account.at = ms;
  const index = ms === null ? curve.t.length - 1 : nearest(curve.t, ms);
  place("told").textContent = moment(curve.t[index]) + " UTC: equity " + brief(curve.last[index]) + " " + data.asset + ", drawdown " + percent(curve.drawdown[index]) + ", exposure " + percent(curve.exposure[index]);
  account.drawings.forEach((drawing) => drawing.draw());
};

function seen() {
  const first = Math.max(lowest(curve.t, account.view.from) - 1, 0), end = Math.min(lowest(curve.t, account.view.to) + 2, curve.t.length);
  return [first, end];
}

function trace(pen, column, first, end, x, y) {
  pen.beginPath();
  for (let index = first; index < end; index += 1) pen.lineTo(x(curve.t[index]), y(column[index]));
}

function paintEquity(pen, width, height) {
  const [first, end] = seen();
  const least = Math.min(...curve.low.slice(first, end)), most = Math.max(...curve.high.slice(first, end));
  const { x, y } = scales(account.view, least, most, width, height);
  grid(pen, account.view, least, most, width, height, brief);
  trace(pen, curve.high, first, end, x, y);
  for (let index = end - 1; index >= first; index -= 1) pen.lineTo(x(curve.t[index]), y(curve.low[index]));
  pen.globalAlpha = .25; pen.fillStyle = colour("trace"); pen.fill(); pen.globalAlpha = 1;
  trace(pen, curve.last, first, end, x, y);
  pen.strokeStyle = colour("trace"); pen.lineWidth = 1.5; pen.stroke();
  cross(pen, account.at === null ? null : x(account.at), height);
}

function paintArea(column, name, signOf) {
  return (pen, width, height) => {
    const [first, end] = seen();
    const values = column.slice(first, end).map((value) => value * signOf);
    const least = Math.min(0, ...values), most = Math.max(0, ...values);
    const { x, y } = scales(account.view, least, most, width, height);
    grid(pen, account.view, least, most, width, height, (value) => Number((100 * value).toPrecision(3)) + " %");
    pen.beginPath();
    pen.moveTo(x(curve.t[first]), y(0));
    values.forEach((value, index) => pen.lineTo(x(curve.t[first + index]), y(value)));
    pen.lineTo(x(curve.t[end - 1]), y(0));
    pen.globalAlpha = .3; pen.fillStyle = colour(name); pen.fill(); pen.globalAlpha = 1;
    pen.strokeStyle = colour(name); pen.lineWidth = 1; pen.stroke();
    cross(pen, account.at === null ? null : x(account.at), height);
  };
}
