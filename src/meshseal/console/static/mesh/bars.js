// Requests over time as bars: those that failed at their foot, plaintext in a lane below.
import { make, milliOf, moment, shape, short } from "./words.js";

const LANE = 4;

/**
 * Return the answer of the timeline as bars: `from`, `to` in milliseconds and sums. There are at
 * most `most`: neighbors are put together. A bar begins and ends where its points do.
 */
export function barsOf({ step_seconds: seconds, points }, most) {
  const step = seconds * 1000;
  const together = Math.max(1, Math.ceil(points.length / most));
  const bars = new Map();
  for (const point of points) {
    const time = milliOf(point.time);
    const from = Math.floor(time / (step * together)) * step * together;
    const bar = bars.get(from) ?? { from, to: from + step * together, requests: 0, errors: 0, plaintext: 0, p95: null };
    bar.requests += point.requests;
    bar.errors += point.errors;
    bar.plaintext += point.plaintext;
    if (point.p95_ms != null) bar.p95 = Math.max(bar.p95 ?? 0, point.p95_ms);
    bars.set(from, bar);
  }
  return [...bars.values()];
}

/** Draw bars into `area` ({ width, height }) of a range; returns their group. */
export function drawBars(bars, { from, to }, area) {
  const most = Math.max(1, ...bars.map((bar) => bar.requests));
  const floor = area.height - LANE - 3;
  const at = (time) => ((time - from) / (to - from)) * area.width;
  const group = shape("g");
  for (const bar of bars) {
    const left = Math.max(0, at(bar.from));
    const right = Math.min(area.width, at(bar.to));
    if (right <= left || !bar.requests) continue;
    const width = Math.max(0.6, right - left - (right - left > 3 ? 1 : 0));
    const part = (value) => Math.max(value ? 1 : 0, (value / most) * floor);
    group.append(rectangle("bar-requests", left, floor - part(bar.requests), width, part(bar.requests)));
    if (bar.errors) group.append(rectangle("bar-errors", left, floor - part(bar.errors), width, part(bar.errors)));
    if (bar.plaintext) group.append(rectangle("bar-plaintext", left, area.height - LANE, width, LANE));
  }
  return group;
}

/** Draw the 95th percentile of latency over the bars' area, as a line with gaps. */
export function drawLatency(bars, { from, to }, area) {
  const most = Math.max(...bars.map((bar) => bar.p95 ?? 0));
  let [path, pen] = ["", "M"];
  for (const bar of bars) {
    if (bar.p95 == null) pen = "M";
    else {
      const x = (((bar.from + bar.to) / 2 - from) / (to - from)) * area.width;
      path += `${pen}${x.toFixed(1)} ${((1 - bar.p95 / (most || 1)) * (area.height - 4) + 2).toFixed(1)}`;
      pen = "L";
    }
  }
  return shape("path", { class: "latency", d: path || "M0 0" });
}

function rectangle(name, x, y, width, height) {
  return shape("rect", { class: name, x: x.toFixed(2), y: y.toFixed(2), width: width.toFixed(2), height: height.toFixed(2) });
}

/** A small chart of a service or an edge: requests and failures, and latency below. */
export function sparkline(timeline) {
  const range = { from: milliOf(timeline.start), to: milliOf(timeline.end) };
  const [width, height] = [360, 44];
  const bars = barsOf(timeline, 90);
  const box = (part, label) => shape("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": label }, part);
  const most = Math.max(0, ...bars.map((bar) => bar.requests));
  const slowest = Math.max(0, ...bars.map((bar) => bar.p95 ?? 0));
  const per = bars.length ? bars[0].to - bars[0].from : 60_000;
  const area = { width, height };
  return make("div", { class: "sparks" },
    box(drawBars(bars, range, area), "Requests over time; those that failed at the foot"),
    make("p", { class: "note" }, `requests, at most ${short(most)} in ${per / 1000} s`),
    box(drawLatency(bars, range, area), "95th percentile of latency over time"),
    make("p", { class: "note" }, `p95, at most ${short(slowest)} ms · ${moment(range.from, 1000)} to ${moment(range.to, 1000)} UTC`),
  );
}
