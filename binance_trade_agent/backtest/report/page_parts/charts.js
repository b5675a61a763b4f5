// -- charts: canvases that keep up with their size, a grid with words, and a range that is pointed at and chosen --

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name);
const drawings = [];

// A canvas that is drawn anew whenever its size, its colours or what it shows change, but only while somebody can see it.
function canvasOf(element, paint) {
  const drawing = { element, isSeen: false, draw() {
    const width = element.clientWidth, height = element.clientHeight, ratio = devicePixelRatio || 1;
    if (!drawing.isSeen || !width) return;
    element.width = Math.round(width * ratio);
    element.height = Math.round(height * ratio);
    const pen = element.getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = "11px system-ui, sans-serif";
    paint(pen, width, height);
  } };
  drawings.push(drawing);
  new IntersectionObserver((seen) => { drawing.isSeen = seen.at(-1).isIntersecting; drawing.draw(); }, { rootMargin: "200px" }).observe(element);
  new ResizeObserver(() => drawing.draw()).observe(element);
  return drawing;
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawings.forEach((drawing) => drawing.draw()));
addEventListener("beforeprint", () => drawings.forEach((drawing) => { drawing.isSeen = true; drawing.draw(); }));

const DAY_MS = 86400000;
const STEPS_MS = [60000, 300000, 900000, 3600000, 4 * 3600000, 12 * 3600000, DAY_MS, 2 * DAY_MS, 7 * DAY_MS, 14 * DAY_MS, 30 * DAY_MS, 91 * DAY_MS, 365 * DAY_MS];
const PAD = 14;
const GUTTER = 46;

function scales(view, least, most, width, height) {
  const span = view.to - view.from || 1, rise = most - least || Math.abs(most) || 1;
  return {
    x: (ms) => GUTTER + (ms - view.from) / span * (width - GUTTER),
    y: (value) => height - PAD - (value - least) / rise * (height - 2 * PAD),
  };
}

const timeAt = (view, x, width) => view.from + Math.max(0, x - GUTTER) / (width - GUTTER) * (view.to - view.from);

function grid(pen, view, least, most, width, height, say) {
  const { x, y } = scales(view, least, most, width, height);
  const rough = (most - least || Math.abs(most) || 1) / Math.max(2, height / 60), power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((times) => times * power >= rough);
  pen.lineWidth = 1;
  pen.strokeStyle = colour("line");
  pen.fillStyle = colour("soft");
  for (let count = Math.ceil(least / step); count * step <= most; count += 1) {
    const level = Math.round(y(count * step)) + .5;
    pen.beginPath(); pen.moveTo(GUTTER, level); pen.lineTo(width, level); pen.stroke();
    pen.fillText(say(count * step), 0, level + 4, GUTTER - 4);
  }
  const wanted = (view.to - view.from) / Math.max(2, width / 110), apart = STEPS_MS.find((each) => each >= wanted) || STEPS_MS.at(-1);
  for (let ms = Math.ceil(view.from / apart) * apart; ms <= view.to; ms += apart) {
    const at = Math.round(x(ms)) + .5;
    pen.beginPath(); pen.moveTo(at, 0); pen.lineTo(at, height); pen.stroke();
    if (at < width - 66) pen.fillText(apart < DAY_MS ? utc(ms).slice(5, 16) : utc(ms).slice(0, 10), at + 3, height - 3);
  }
}

function cross(pen, at, height) {
  if (at === null) return;
  pen.strokeStyle = colour("soft");
  pen.beginPath(); pen.moveTo(Math.round(at) + .5, 0); pen.lineTo(Math.round(at) + .5, height); pen.stroke();
}

// Pointing tells, dragging chooses a range, a double click shows the whole again. `group` has the view, its whole, and what to draw anew.
function handle(element, group) {
  let from = null;
  element.addEventListener("pointerdown", (event) => { from = event.offsetX; element.setPointerCapture(event.pointerId); });
  element.addEventListener("pointermove", (event) => group.point(timeAt(group.view, event.offsetX, element.clientWidth)));
  element.addEventListener("pointerleave", () => group.point(null));
  element.addEventListener("pointerup", (event) => {
    const width = element.clientWidth, ends = [from, event.offsetX].sort((one, other) => one - other);
    const isDragged = from !== null && ends[1] - ends[0] >= 12;
    from = null;
    if (!isDragged) return;
    const [begin, end] = ends.map((x) => timeAt(group.view, Math.min(x, width), width));
    group.show({ from: begin, to: end });
  });
  element.addEventListener("pointercancel", () => { from = null; });
  element.addEventListener("dblclick", () => group.show(group.whole));
}

// The first place in a rising column that is at or above a value.
function lowest(column, value) {
  let low = 0, high = column.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (column[middle] < value) low = middle + 1; else high = middle;
  }
  return low;
}

function nearest(column, value) {
  const at = Math.min(lowest(column, value), column.length - 1);
  return at > 0 && value - column[at - 1] < column[at] - value ? at - 1 : at;
}
