// -- candles with trades --

const LEAST_BAR = 3;

// The bars of a range, merged as far as the width asks for: open of the first, close of the last, extremes of all.
function fitted(chart, first, end, most) {
  const size = Math.max(1, Math.ceil((end - first) / most)), bars = [];
  for (let begin = first; begin < end; begin += size) {
    const stop = Math.min(begin + size, end);
    bars.push([chart.t[begin], chart.open[begin], Math.max(...chart.high.slice(begin, stop)), Math.min(...chart.low.slice(begin, stop)), chart.close[stop - 1]]);
  }
  return bars;
}

const MARK = 4.5;
const LEAST_MARK = 1.5;

// Marks are smaller where there are many, so that the candles can still be seen; `way` is 1 for up, -1 for down.
function triangle(pen, x, y, way, size) {
  pen.beginPath(); pen.moveTo(x, y); pen.lineTo(x - size, y + 1.8 * size * way); pen.lineTo(x + size, y + 1.8 * size * way); pen.closePath();
  pen.fillStyle = colour(way > 0 ? "good" : "bad"); pen.fill();
  if (size < MARK) return;
  pen.strokeStyle = colour("card"); pen.lineWidth = 1; pen.stroke();
}

function paintCandles(group) {
  const chart = group.chart;
  return (pen, width, height) => {
    const first = Math.max(lowest(chart.t, group.view.from) - 1, 0), end = Math.max(lowest(chart.t, group.view.to), first + 1);
    const bars = fitted(chart, first, end, Math.max(20, width / LEAST_BAR));
    const marks = chart.marks.filter(([ms]) => ms >= group.view.from && ms <= group.view.to);
    const least = Math.min(...bars.map((bar) => bar[3]), ...marks.map((mark) => mark[1])), most = Math.max(...bars.map((bar) => bar[2]), ...marks.map((mark) => mark[1]));
    const { x, y } = scales(group.view, least, most, width, height);
    grid(pen, group.view, least, most, width, height, brief);
    const span = (bars.length > 1 ? x(bars.at(-1)[0]) - x(bars[0][0]) : width) / Math.max(bars.length - 1, 1), body = Math.max(1, span * .7);
    for (const [ms, opened, high, low, closed] of bars) {
      const centre = x(ms) + span / 2;
      pen.fillStyle = colour(closed >= opened ? "up" : "down");
      pen.fillRect(centre - .5, y(high), 1, Math.max(1, y(low) - y(high)));
      pen.fillRect(centre - body / 2, y(Math.max(opened, closed)), body, Math.max(1, Math.abs(y(opened) - y(closed))));
    }
    const size = Math.min(MARK, Math.max(LEAST_MARK, MARK * width / 4 / (marks.length || 1)));
    for (const [ms, price, side] of marks) triangle(pen, x(ms), y(price), side, size);
    cross(pen, group.at === null ? null : x(group.at), height);
  };
}

function addChart(chart, cells) {
  chart.t = chart.at.map((count) => chart.first + count * chart.interval);
  const figure = document.createElement("figure"), caption = document.createElement("figcaption");
  const canvas = make("canvas"), told = make("p", "", "told"), whole = make("button", "whole range");
  const summary = cells[1] + " " + data.asset + ", " + cells[4] + " trades, " + cells[5] + " won";
  figure.id = "chart-" + chart.name;
  canvas.className = "tall";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", chart.name + ": candles with " + chart.marks.length + " orders; " + summary);
  whole.hidden = true;
  caption.append(make("strong", chart.name), make("span", summary, sign(cells[1])), whole);
  figure.append(caption, canvas, told);
  place("charts").append(figure);
  const group = { chart, at: null, whole: { from: chart.t[0], to: chart.t.at(-1) + chart.interval * chart.merged } };
  group.view = group.whole;
  const drawing = canvasOf(canvas, paintCandles(group));
  group.show = (view) => { group.view = view; whole.hidden = view === group.whole; drawing.draw(); };
  group.point = (ms) => {
    group.at = ms;
    drawing.draw();
    if (ms === null) return void (told.textContent = "");
    const index = Math.max(lowest(chart.t, ms + 1) - 1, 0), near = (group.view.to - group.view.from) / (canvas.clientWidth - GUTTER) * 6;
    const marks = chart.marks.filter((mark) => Math.abs(mark[0] - ms) <= near).slice(0, 3).map((mark) => moment(mark[0]).slice(5) + " " + mark[3]);
    const prices = [chart.open, chart.high, chart.low, chart.close].map((column) => brief(column[index]));
    told.textContent = moment(chart.t[index]) + " open " + prices[0] + " high " + prices[1] + " low " + prices[2] + " close " + prices[3] + (marks.length ? "; " + marks.join("; ") : "");
  };
  whole.addEventListener("click", () => group.show(group.whole));
  handle(canvas, group);
}
