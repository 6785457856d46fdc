// The bars of time over the map, and the part of them that is chosen: drawn, dragged, or by keys.
import { barsOf, drawBars } from "./bars.js";
import { count, dayAndTime, duration, make, moment, shape } from "./words.js";

const [HEIGHT, FOOT, GRIP] = [52, 16, 7];
const TICKS = [60, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400, 172_800, 432_000].map((seconds) => seconds * 1000);

export class Timeline {
  /** `chose(part)` is called with `{ from, to }` in milliseconds, or null for the whole range. */
  constructor(place, chose) {
    this.place = place;
    this.chose = chose;
    this.part = null;
    this.picture = shape("svg", { height: HEIGHT + FOOT });
    this.tip = make("div", { class: "tip", hidden: true });
    this.said = make("p", { class: "times-said" });
    place.append(this.picture, this.tip);
    place.after(this.said);
    new ResizeObserver(() => this.draw()).observe(place);
    this.picture.addEventListener("pointerdown", (event) => this.pressed(event));
    this.picture.addEventListener("pointermove", (event) => this.tell(event));
    this.picture.addEventListener("pointerleave", () => (this.tip.hidden = true));
    this.picture.addEventListener("dblclick", () => this.take(null));
  }

  show(answer, whole, part) {
    this.answer = answer;
    this.whole = whole;
    this.part = part;
    this.draw();
  }

  get step() {
    return this.answer ? this.answer.step_seconds * 1000 : 60_000;
  }

  draw() {
    const width = this.place.clientWidth;
    if (!this.whole || !width) return;
    this.width = width;
    this.picture.setAttribute("width", width);
    this.bars = this.answer ? barsOf(this.answer, Math.floor(width / 5)) : [];
    const held = this.heldGrip();
    this.overlay = shape("g");
    this.picture.replaceChildren(drawBars(this.bars, this.whole, { width, height: HEIGHT }), this.axis(), this.overlay);
    this.drawPart(this.part, held);
    this.saySpan();
  }

  axis() {
    const span = this.whole.to - this.whole.from;
    const step = TICKS.find((size) => span / size <= this.width / 90) ?? 864_000_000;
    const group = shape("g", { class: "axis" });
    for (let time = Math.ceil(this.whole.from / step) * step; time < this.whole.to; time += step) {
      const x = this.xOf(time);
      if (x < 16 || x > this.width - 16) continue;
      group.append(shape("line", { x1: x, x2: x, y1: 0, y2: HEIGHT }), shape("text", { x, y: HEIGHT + 13 }, moment(time, step)));
    }
    return group;
  }

  heldGrip() {
    return this.picture.contains(document.activeElement) ? document.activeElement.dataset.grip : "";
  }

  /** Draw the part that is chosen, and its ends; `held` is the end that has the focus. */
  drawPart(part, held = this.heldGrip()) {
    this.overlay.replaceChildren(...this.shades(part), this.grip("from", part ?? this.whole), this.grip("to", part ?? this.whole));
    if (held) this.overlay.querySelector(`[data-grip="${held}"]`).focus();
  }

  shades(part) {
    if (!part) return [];
    const [left, right] = [Math.max(0, this.xOf(part.from)), Math.min(this.width, this.xOf(part.to))];
    const shade = (x, width) => shape("rect", { class: "outside-part", x, y: 0, width: Math.max(0, width), height: HEIGHT });
    return [
      shade(0, left), shade(right, this.width - right),
      shape("rect", { class: "part", "data-part": "", x: left, y: 0, width: Math.max(2, right - left), height: HEIGHT }),
    ];
  }

  grip(end, part) {
    const x = Math.max(0, Math.min(this.width, this.xOf(part[end])));
    const label = end === "from" ? "Start of what is shown" : "End of what is shown";
    const made = shape("g", {
      class: "grip", "data-grip": end, tabindex: 0, role: "slider", "aria-label": label,
      "aria-valuemin": Math.round(this.whole.from / 1000), "aria-valuemax": Math.round(this.whole.to / 1000),
      "aria-valuenow": Math.round(part[end] / 1000), "aria-valuetext": `${dayAndTime(part[end])} UTC`,
      transform: `translate(${x.toFixed(1)} 0)`,
    });
    made.append(
      shape("rect", { class: "grip-room", x: -GRIP, y: 0, width: 2 * GRIP, height: HEIGHT }),
      shape("line", { y1: 0, y2: HEIGHT }),
      shape("rect", { class: "grip-knob", x: -3, y: HEIGHT / 2 - 9, width: 6, height: 18, rx: 3 }),
    );
    made.addEventListener("keydown", (event) => this.keyed(event, end));
    return made;
  }

  xOf(time) {
    return ((time - this.whole.from) / (this.whole.to - this.whole.from)) * this.width;
  }

  timeOf(event) {
    const { left } = this.picture.getBoundingClientRect();
    const part = (event.clientX - left) / this.width;
    return this.bounded(this.whole.from + part * (this.whole.to - this.whole.from));
  }

  bounded(time) {
    return Math.max(this.whole.from, Math.min(this.whole.to, time));
  }

  snapped(time) {
    return this.bounded(Math.round(time / this.step) * this.step);
  }

  /** A part of whole steps and of one at least; null if it is the whole range. */
  partOf(one, other) {
    let [from, to] = [this.snapped(Math.min(one, other)), this.snapped(Math.max(one, other))];
    if (to - from < this.step) to = this.bounded(from + this.step);
    if (to - from < this.step) from = this.bounded(to - this.step);
    return from <= this.whole.from && to >= this.whole.to ? null : { from, to };
  }

  pressed(event) {
    if (event.button || !this.whole) return;
    event.preventDefault();
    const grip = event.target.closest("[data-grip]")?.dataset.grip;
    const inside = this.part && event.target.closest("[data-part]");
    const begin = this.timeOf(event);
    const held = this.part ?? this.whole;
    let aim = this.part;
    let moved = false;
    this.picture.setPointerCapture(event.pointerId);
    const drag = (now) => {
      if (!moved && Math.abs(now.clientX - event.clientX) < 3) return;
      moved = true;
      const time = this.timeOf(now);
      if (grip) aim = this.partOf(time, grip === "from" ? held.to : held.from);
      else if (inside) aim = this.shifted(held, time - begin);
      else aim = this.partOf(begin, time);
      this.drawPart(aim);
      this.tell(now);
    };
    const end = (up) => {
      this.picture.removeEventListener("pointermove", drag);
      this.picture.removeEventListener("pointerup", end);
      this.picture.removeEventListener("pointercancel", end);
      if (moved && up.type === "pointerup") this.take(aim);
      else this.drawPart(this.part);
    };
    this.picture.addEventListener("pointermove", drag);
    this.picture.addEventListener("pointerup", end);
    this.picture.addEventListener("pointercancel", end);
  }

  /** The part as long as it was, moved through time. */
  shifted({ from, to }, by) {
    const most = Math.max(this.whole.from - from, Math.min(this.whole.to - to, by));
    const steps = Math.round(most / this.step) * this.step;
    return this.partOf(from + steps, to + steps);
  }

  keyed(event, end) {
    const turns = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };
    const held = this.part ?? this.whole;
    const other = end === "from" ? held.to : held.from;
    if (event.key === "Escape") this.take(null);
    else if (event.key === "Home") this.take(this.partOf(this.whole.from, other));
    else if (event.key === "End") this.take(this.partOf(this.whole.to, other));
    else if (turns[event.key]) this.take(this.moved(held, end, turns[event.key] * (event.shiftKey ? 10 : 1)));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  moved(held, end, steps) {
    const time = this.bounded(held[end] + steps * this.step);
    if (end === "from") return this.partOf(Math.min(time, held.to - this.step), held.to);
    return this.partOf(held.from, Math.max(time, held.from + this.step));
  }

  take(part) {
    if (part === null && this.part === null) return;
    this.part = part;
    this.drawPart(part);
    this.saySpan();
    this.chose(part);
  }

  tell(event) {
    const bar = this.bars?.find(({ from, to }) => {
      const time = this.timeOf(event);
      return time >= from && time < to;
    });
    this.tip.hidden = !bar;
    if (!bar) return;
    const lines = [`${count(bar.requests)} requests`];
    if (bar.errors) lines.push(`${count(bar.errors)} failed`);
    if (bar.plaintext) lines.push(`${count(bar.plaintext)} plaintext`);
    this.tip.replaceChildren(make("b", {}, `${dayAndTime(bar.from)}, ${duration(bar.to - bar.from)}`), ...lines.map((line) => make("span", {}, line)));
    const x = this.xOf(bar.to);
    const left = x > this.width / 2 ? this.xOf(bar.from) - this.tip.offsetWidth - 8 : x + 8;
    this.tip.style.transform = `translate(${Math.max(0, left)}px, 2px)`;
  }

  saySpan() {
    const { from, to } = this.part ?? this.whole;
    const words = `${dayAndTime(from)} to ${dayAndTime(to).slice(dayAndTime(from).slice(0, 10) === dayAndTime(to).slice(0, 10) ? 11 : 0)} UTC, ${duration(to - from)}`;
    const all = this.part && make("button", { type: "button", class: "quiet small", id: "whole", onclick: () => this.take(null) }, "Whole range");
    this.said.replaceChildren(make("b", {}, words), this.part ? " of the range " : " · drag over the bars to look at a part ", ...(all ? [all] : []));
  }
}
