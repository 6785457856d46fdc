// Draws the histogram or the lines of #chart with uPlot. All times are in UTC.
const UTC = (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC");
const SERIES = 10;
// Counts have no halves.
const WHOLE = Array.from({ length: 13 }, (_, power) => [1, 2, 5].map((n) => n * 10 ** power)).flat();
let plot = null;
let zoomed = null;
let observer = null;

/** Draw the chart of the page, if it has one; `zoom(from, to)` is called with what is dragged. */
export function draw(zoom) {
  zoomed = zoom;
  redraw();
}

export function redraw() {
  plot?.destroy();
  observer?.disconnect();
  plot = null;
  const place = document.getElementById("chart");
  if (!place) return;
  const data = JSON.parse(place.dataset.chart);
  const size = () => ({ width: place.clientWidth, height: place.clientHeight });
  const make = data.kind === "bars" ? bars : lines;
  const { series, columns } = make(data);
  const times = Array.from({ length: data.count }, (_, at) => data.start + at * data.width);
  const end = data.start + data.count * data.width;
  const range = (_, least, most) => [Math.min(0, least ?? 0), most > 0 ? most * 1.06 : 1];
  const both = data.series.some((one) => one.percent);
  const options = {
    ...size(),
    tzDate: UTC,
    padding: [8, both ? 0 : 12, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: data.kind === "lines" }, drag: { x: true, y: false, setScale: false } },
    scales: {
      x: { range: () => [data.start, end] },
      y: { range },
      "%": { range },
    },
    axes: axes(data.kind, both),
    series,
    hooks: { setSelect: [select], setCursor: [tell(place, data)] },
  };
  place.replaceChildren();
  plot = new uPlot(options, [times, ...columns], place);
  observer = new ResizeObserver(() => plot?.setSize(size()));
  observer.observe(place);
}

function select(chart) {
  const { left, width } = chart.select;
  if (width < 4) return;
  const from = chart.posToVal(left, "x");
  const to = chart.posToVal(left + width, "x");
  chart.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  zoomed?.(from, to);
}

/** Stack the severities: each is drawn with those below it, the highest sum first. */
function bars(data) {
  const sums = new Array(data.count).fill(0);
  const stacked = data.series.map((one) => {
    const column = one.values.map((value, at) => (sums[at] += value));
    return { name: one.name, column };
  });
  stacked.reverse();
  const paths = uPlot.paths.bars({ size: [0.88, 60], align: 1 });
  const series = stacked.map(({ name }) => {
    const color = token(`--level-${name}`);
    return { label: name, fill: color, stroke: color, width: 0, paths, points: { show: false } };
  });
  return { series: [{}, ...series], columns: stacked.map(({ column }) => column) };
}

function lines(data) {
  const series = data.series.map((one, at) => {
    const color = token(`--series-${at % SERIES}`);
    // A value between two gaps makes no line: it is a point.
    const filter = (_, __, all) => (all ? null : alone(one.values));
    return {
      label: one.name,
      scale: one.percent ? "%" : "y",
      dash: one.percent ? [6, 3] : undefined,
      stroke: color,
      width: 1.5,
      spanGaps: false,
      points: { show: data.count < 40, size: 6, width: 1, stroke: color, fill: color, dash: [], filter },
    };
  });
  return { series: [{}, ...series], columns: data.series.map((one) => one.values) };
}

function alone(values) {
  return [...values.keys()].filter((at) => values[at] != null && values[at - 1] == null && values[at + 1] == null);
}

function axes(kind, both) {
  const look = {
    stroke: token("--dim"),
    grid: { stroke: token("--grid"), width: 1 },
    ticks: { stroke: token("--grid"), width: 1, size: 4 },
    font: "11px system-ui, sans-serif",
  };
  return [
    { ...look, grid: { show: false }, size: 26, space: 80, values: (_, ticks, __, ___, step) => ticks.map((tick) => moment(tick, step)) },
    { ...look, ...(kind === "bars" ? { incrs: WHOLE } : {}), size: 52, space: 28, values: (_, ticks) => ticks.map(amount) },
    ...(both ? [{ ...look, scale: "%", side: 1, grid: { show: false }, size: 52, space: 28, values: (_, ticks) => ticks.map((tick) => `${amount(tick)} %`) }] : []),
  ];
}

function moment(seconds, step) {
  const text = new Date(Math.round(seconds * 1000)).toISOString();
  const [day, time] = [text.slice(5, 10), text.slice(11, 23)];
  if (step >= 86400) return day;
  if (step >= 60) return time.slice(0, 5) === "00:00" ? `${day}` : time.slice(0, 5);
  return step >= 1 ? time.slice(0, 8) : time;
}

function amount(value) {
  if (Math.abs(value) >= 1e9) return `${+(value / 1e9).toPrecision(3)}G`;
  if (Math.abs(value) >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
  if (Math.abs(value) >= 1e4) return `${+(value / 1e3).toPrecision(3)}k`;
  return `${+value.toPrecision(4)}`;
}

/** Say what is under the cursor. */
function tell(place, data) {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  queueMicrotask(() => place.append(tip));
  return (chart) => {
    const { left } = chart.cursor;
    if (left == null || left < 0) {
      tip.hidden = true;
      return;
    }
    const at = data.kind === "bars"
      ? Math.floor((chart.posToVal(left, "x") - data.start) / data.width)
      : chart.cursor.idx;
    if (at == null || at < 0 || at >= data.count) {
      tip.hidden = true;
      return;
    }
    fill(tip, data, at);
    tip.hidden = false;
    const room = chart.over.clientWidth;
    const x = chart.over.offsetLeft + (left > room / 2 ? left - tip.offsetWidth - 12 : left + 12);
    tip.style.transform = `translate(${Math.max(0, x)}px, 8px)`;
  };
}

function fill(tip, data, at) {
  const from = data.start + at * data.width;
  const head = document.createElement("b");
  head.textContent = moment(from, Math.min(59, data.width));
  const found = data.series
    .map((one, place) => ({ name: one.name, value: one.values[at], place }))
    .filter(({ value }) => value != null && (value !== 0 || data.kind === "lines"))
    .slice(0, 12);
  const items = found.map(({ name, value, place }) => {
    const item = document.createElement("span");
    const swatch = document.createElement("i");
    swatch.className = `swatch ${data.kind === "bars" ? `level-${name}` : `series-${place % SERIES}`}`;
    item.append(swatch, `${name} `, Object.assign(document.createElement("b"), { textContent: data.kind === "bars" ? value.toLocaleString("en") : amount(value) }));
    return item;
  });
  tip.replaceChildren(head, ...items);
}

function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
