// The map on the page: its canvas, what the pointer and the keys do on it, and what stands out.
import { Camera } from "./camera.js";
import { arrange, boundsOf } from "./layout.js";
import { fails, isSpace } from "./model.js";
import { TITLE, plusOf } from "./nodes.js";
import { clear, lookOf, paint } from "./paint.js";
import { linkAt, nodeAt, pointAt, routesOf, titleAt } from "./routes.js";

const REACH = 7;
/** With more lines than these, and failing ones, each is drawn fainter. */
const [CROWDED, FAILING_CROWDED] = [40, 50];
/** Two clicks within so many milliseconds are a double click; the view waits for it. */
const DOUBLE = 350;
const REFIT = DOUBLE + 30;
/** Room for the buttons above and the legend below. */
const MARGINS = { above: 50, below: 38 };
const FONTS = { space: "650 14px", service: "600 12.5px", outside: "600 12.5px" };

export class Graph {
  /** `acts`: open(id), fold(home), focus(id), hint(what, x, y), say(node). */
  constructor(canvas, acts) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.acts = acts;
    this.camera = new Camera(() => this.redraw());
    this.drawn = null;
    this.arrangement = null;
    this.hovered = this.chosen = this.cursor = "";
    this.asked = 0;
    this.fitted = false;
    this.touched = false;
    this.last = { id: "", time: 0 };
    this.relook();
    new ResizeObserver(() => this.resized()).observe(canvas.parentElement);
    this.listen();
  }

  // ---- What is shown ----

  /** Show nodes and links. `key` says what they are a view of: within one, nothing moves. */
  show(drawn, key) {
    const before = this.arrangement;
    this.resized();
    this.drawn = drawn;
    this.arrangement = arrange(drawn, {
      key,
      aspect: Math.max(0.6, Math.min(3, this.size.width / Math.max(1, this.size.height))),
      measure: (text, kind) => this.measure(text, kind),
      previous: before,
    });
    this.routes = routesOf(drawn, this.arrangement);
    const lit = [...drawn.links.values()].filter((link) => link.edges.length);
    this.busiest = Math.max(0, ...lit.map((link) => link.rate));
    this.crowd = Math.max(0.17, Math.min(0.75, CROWDED / Math.max(1, lit.length)));
    this.crowdFailing = Math.max(0.35, Math.min(0.9, FAILING_CROWDED / Math.max(1, lit.filter(fails).length)));
    this.homes = new Map();
    for (const { home } of drawn.nodes.values()) this.homes.set(home, (this.homes.get(home) ?? 0) + 1);
    if (!this.fitted || before?.key !== key) this.fit(this.fitted);
    this.redraw();
  }

  tidy() {
    this.arrangement = null;
    this.fitted = false;
  }

  choose(id) {
    this.chosen = id;
    this.redraw();
  }

  fit(glide = true) {
    if (!this.arrangement || !this.drawn.nodes.size || !this.size.width) return;
    this.touched = false;
    this.acts.hint(null);
    this.camera.fit(boundsOf(this.arrangement, this.drawn, this.routes), this.size, { glide, ...MARGINS });
    this.fitted = true;
  }

  /** Bring a node into view. */
  reveal(id) {
    if (!this.touched && this.camera.scale >= 0.5) return;
    const place = this.drawn?.nodes.has(id) ? this.arrangement.places.get(id) : null;
    if (place) this.camera.reveal(place, this.size);
  }

  relook() {
    this.look = lookOf(this.canvas);
    this.redraw();
  }

  // ---- Drawing ----

  resized() {
    const { clientWidth: width, clientHeight: height } = this.canvas.parentElement;
    if (this.size?.width === width && this.size?.height === height) return;
    this.size = { width, height };
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    if (this.arrangement && !this.fitted) this.fit(false);
    // Whoever has not moved the view keeps seeing all of it.
    clearTimeout(this.refitting);
    if (this.fitted && !this.touched) this.refitting = setTimeout(() => this.touched || this.fit(), REFIT);
    this.redraw();
  }

  redraw() {
    if (this.asked) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      this.paint();
    });
  }

  paint() {
    if (this.drawn?.nodes.size && this.size.width) paint(this.context, { ...this, hot: this.hot() });
    else clear(this.context, this.look);
  }

  /** What stands out: what is under the pointer, or else what is open; and what it is linked with. */
  hot() {
    for (const id of [this.hovered, this.cursor, this.chosen]) {
      const found = this.around(id);
      if (found) return found;
    }
    return null;
  }

  around(id) {
    if (!id) return null;
    const { drawn } = this;
    if (drawn.nodes.has(id)) return drawn.focus === id ? null : this.neighbors(id);
    const found = drawn.links.get(id) ?? [...drawn.links.values()].find((link) => link.all.some((edge) => edge.id === id));
    return found ? { nodes: new Set([found.source, found.target]), links: new Set([found.id]) } : null;
  }

  neighbors(id) {
    const hot = { nodes: new Set([id]), links: new Set() };
    for (const link of this.drawn.links.values()) {
      if (!link.edges.length || (link.source !== id && link.target !== id)) continue;
      hot.links.add(link.id);
      hot.nodes.add(link.source).add(link.target);
    }
    return hot;
  }

  measure(text, kind) {
    this.context.font = `${FONTS[kind]} ${this.look.font}`;
    return Math.ceil(this.context.measureText(text).width);
  }

  // ---- The pointer ----

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => this.pressed(event));
    canvas.addEventListener("pointermove", (event) => this.moved(event));
    canvas.addEventListener("pointerleave", () => this.hover(null));
    canvas.addEventListener("keydown", (event) => this.keyed(event));
    canvas.addEventListener("blur", () => this.setCursor(""));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
      this.touched = true;
      const turn = Math.max(-220, Math.min(220, event.deltaY * lines));
      this.camera.zoom(Math.exp(-turn * (event.ctrlKey ? 0.01 : 0.0022)), event.offsetX, event.offsetY);
    }, { passive: false });
  }

  /** What is at a point of the view: a node, a link, or the title of a group. */
  at(x, y) {
    if (!this.drawn) return null;
    const [mapX, mapY] = this.camera.toMap(x, y);
    const node = nodeAt(mapX, mapY, this.drawn, this.arrangement);
    if (node) return { id: node.id, node };
    const link = linkAt(mapX, mapY, REACH / this.camera.scale, this.drawn, this.routes);
    if (link) return { id: link.id, link };
    const home = titleAt(mapX, mapY, this.arrangement, TITLE);
    return home && this.homes.has(home) ? { id: home, home } : null;
  }

  pressed(event) {
    if (event.button) return;
    const { canvas } = this;
    canvas.setPointerCapture(event.pointerId);
    let [x, y, far] = [event.clientX, event.clientY, 0];
    const drag = (moved) => {
      far += Math.abs(moved.clientX - x) + Math.abs(moved.clientY - y);
      this.touched ||= far > 4;
      if (far > 4) this.camera.pan(moved.clientX - x, moved.clientY - y);
      [x, y] = [moved.clientX, moved.clientY];
    };
    const end = (up) => {
      canvas.removeEventListener("pointermove", drag);
      canvas.removeEventListener("pointerup", end);
      canvas.removeEventListener("pointercancel", end);
      if (far <= 4 && up.type === "pointerup") this.clicked(up);
    };
    canvas.addEventListener("pointermove", drag);
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", end);
  }

  clicked(event) {
    const found = this.at(event.offsetX, event.offsetY);
    this.setCursor("");
    const { id, time } = this.last;
    this.last = { id: found?.id ?? "", time: event.timeStamp };
    if (id && id === found?.id && event.timeStamp - time < DOUBLE) {
      this.opened(found);
      return;
    }
    if (found?.node?.kind === "space" && this.isPlus(found.node, event)) this.acts.fold(found.id);
    else this.acts.open(found ? (found.link ? nameOfLink(found.link) : found.id) : "");
  }

  isPlus(node, event) {
    const [x, y] = this.camera.toMap(event.offsetX, event.offsetY);
    const sign = plusOf(this.arrangement.places.get(node.id));
    return x >= sign.x - 4 && x <= sign.x + sign.size + 4 && y >= sign.y - 4 && y <= sign.y + sign.size + 4;
  }

  /** A double click unfolds a namespace or folds it, and focuses a service. */
  opened(found) {
    if (found.link) return;
    if (isSpace(found.id)) this.acts.fold(found.id);
    else this.acts.focus(found.id);
  }

  moved(event) {
    if (event.buttons) return;
    this.hover(this.at(event.offsetX, event.offsetY), event.offsetX, event.offsetY);
  }

  hover(found, x = 0, y = 0) {
    const id = found && !found.home ? found.id : "";
    this.canvas.classList.toggle("pointing", Boolean(found));
    this.acts.hint(found, x, y);
    if (id === this.hovered) return;
    this.hovered = id;
    this.redraw();
  }

  // ---- The keys ----

  setCursor(id) {
    if (id === this.cursor) return;
    this.cursor = id;
    this.redraw();
  }

  keyed(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || !this.drawn) return;
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (ways[event.key]) this.step(...ways[event.key]);
    else if (event.key === "Enter" && this.cursor) this.acts.open(this.cursor);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Go to the nearest node in a direction, from where the keys are or what is open. */
  step(dx, dy) {
    const from = [this.cursor, this.chosen].find((id) => this.drawn.nodes.has(id));
    const next = from ? this.nextTo(from, dx, dy) : this.first();
    if (!next) return;
    this.setCursor(next.id);
    this.camera.reveal(this.arrangement.places.get(next.id), this.size);
    this.acts.say(next);
  }

  first() {
    const order = (node) => this.arrangement.places.get(node.id);
    return [...this.drawn.nodes.values()].sort((a, b) => order(a).x - order(b).x || order(a).y - order(b).y)[0];
  }

  nextTo(id, dx, dy) {
    const own = this.arrangement.places.get(id);
    let [best, least] = [null, Infinity];
    for (const node of this.drawn.nodes.values()) {
      const place = this.arrangement.places.get(node.id);
      const [x, y] = [place.x + place.width / 2 - own.x - own.width / 2, place.y + place.height / 2 - own.y - own.height / 2];
      const along = x * dx + y * dy;
      if (node.id === id || along < 4) continue;
      const cost = along + 2.5 * Math.abs(x * dy - y * dx);
      if (cost < least) [best, least] = [node, cost];
    }
    return best;
  }

  /** Where a node or an edge is on the page, for whoever wants to point at it. */
  locate(id) {
    const { left, top } = this.canvas.getBoundingClientRect();
    const place = this.drawn?.nodes.has(id) ? this.arrangement.places.get(id) : null;
    const link = [...(this.drawn?.links.values() ?? [])].find((one) => one.id === id || one.all.some((edge) => edge.id === id));
    if (!place && !link) return null;
    const [x, y] = this.camera.toView(
      ...(place ? [place.x + place.width / 2, place.y + place.height / 2] : pointAt(this.routes.get(link.id).curve, 0.5)),
    );
    return { x: left + x, y: top + y };
  }
}

/** What a click on a link opens: its edge, or, where it stands for several, all of them. */
function nameOfLink(link) {
  return link.edges.length === 1 ? link.edges[0].id : link.id;
}
