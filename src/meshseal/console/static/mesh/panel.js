// The details at the side: of what is open, with its time line and the way to its logs.
import { sparkline } from "./bars.js";
import { isSpace, isVanished, spaceName } from "./model.js";
import { edgeContent, edgeTitle, linkContent, serviceContent, spaceContent } from "./panels.js";
import { OUTSIDE, isSelecting, make, nameOf, nanosOf } from "./words.js";

export class Panel {
  /**
   * `acts`: open(id), focus(id), focused(), fold(home), isFolded(home), timeline(about) -> promise of an answer,
   * and range() -> the time range shown, in milliseconds.
   */
  constructor(place, acts, tenant) {
    this.place = place;
    this.acts = acts;
    this.tenant = tenant;
    this.shown = "";
    place.addEventListener("click", (event) => {
      const wanted = event.target.closest("[data-open]");
      if (wanted) acts.open(wanted.dataset.open);
    });
  }

  /** Show what is open: an edge, a service, a namespace, or a link of several edges. */
  show(id, world, drawn) {
    const made = id && world ? this.contentOf(id, world, drawn) : null;
    this.place.hidden = !made;
    if (!made) {
      this.shown = "";
      this.place.replaceChildren();
      return false;
    }
    const again = this.shown === id;
    if (again && isSelecting(this.place)) return true;
    const kept = again ? { top: this.place.scrollTop, focus: this.keyOfFocus(), spark: this.place.querySelector(".sparks") } : null;
    this.shown = id;
    const spark = make("div", { class: "spark-place" }, kept?.spark);
    const close = make("button", { type: "button", class: "quiet close", id: "close", title: "Close (Esc)", "aria-label": "Close", onclick: () => this.acts.open("") }, "✕");
    const content = made.content.filter(Boolean);
    if (made.about) content.splice(made.sparkAt, 0, spark);
    this.place.replaceChildren(make("div", { class: "record" }, make("header", {}, made.title, close), made.ways, ...content));
    this.place.scrollTop = kept?.top ?? 0;
    if (kept?.focus) this.place.querySelector(kept.focus)?.focus();
    if (made.about) this.fill(spark, id, made.about);
    return true;
  }

  keyOfFocus() {
    const held = this.place.contains(document.activeElement) ? document.activeElement : null;
    if (!held) return "";
    if (held.id) return `#${CSS.escape(held.id)}`;
    return held.dataset.open ? `[data-open="${CSS.escape(held.dataset.open)}"]` : "";
  }

  contentOf(id, world, drawn) {
    const edge = world.edges.get(id);
    if (edge) {
      return { title: edgeTitle(world, edge), ways: this.edgeWays(edge), content: edgeContent(edge), about: isVanished(edge) ? null : { edge: id }, sparkAt: 1 };
    }
    const service = world.services.get(id);
    if (service) {
      const ways = [this.focusWay(id)];
      if (id !== OUTSIDE) ways.unshift(this.logsWay(`{service_name=${JSON.stringify(service.name)}}`, "Its logs", this.acts.range()));
      return { title: make("h2", {}, nameOf(service)), ways: make("p", { class: "ways" }, ...ways), content: serviceContent(world, service), about: { service: id }, sparkAt: 1 };
    }
    if (isSpace(id) && world.spaces.has(id)) {
      const ways = make("p", { class: "ways" }, this.focusWay(id), this.acts.focused() !== id && this.foldWay(id));
      return { title: make("h2", {}, spaceName(id)), ways, content: spaceContent(world, id) };
    }
    const link = drawn?.links.get(id);
    if (!link) return null;
    const [from, to] = [drawn.nodes.get(link.source).label, drawn.nodes.get(link.target).label];
    return { title: make("h2", {}, `${from} → ${to}`), ways: null, content: linkContent(world, link.edges) };
  }

  edgeWays(edge) {
    const range = this.acts.range();
    const length = range.to - range.from;
    const seen = isVanished(edge) ? { from: range.from - length, to: range.from } : range;
    return make("p", { class: "ways" }, this.logsWay(edge.query, isVanished(edge) ? "Its last logs" : "Its logs", seen));
  }

  logsWay(query, name, { from, to }) {
    const parameters = new URLSearchParams({ query, start: nanosOf(from), end: nanosOf(to) });
    if (this.tenant) parameters.set("tenant", this.tenant);
    return make("a", { class: "button run", id: "logs", href: `/?${parameters}`, title: query }, name);
  }

  focusWay(id) {
    return make("button", { type: "button", id: "focus-it", title: "Show only it and those it talks to (f)", onclick: () => this.acts.focus(id) }, this.acts.focused() === id ? "Whole map" : "Focus");
  }

  foldWay(home) {
    const folded = this.acts.isFolded(home);
    return make("button", { type: "button", id: "fold-it", onclick: () => this.acts.fold(home) }, folded ? "Show its services" : "Show as one node");
  }

  async fill(place, id, about) {
    try {
      const answer = await this.acts.timeline(about);
      if (this.shown === id) place.replaceChildren(sparkline(answer));
    } catch {
      if (!place.firstChild) place.replaceChildren(make("p", { class: "note" }, "Its time line could not be had."));
    }
  }
}
