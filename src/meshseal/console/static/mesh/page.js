// The page: what it shows is its state; each change of it draws, asks the server, or both.
import { askMap, askTimeline } from "./api.js";
import { Graph } from "./graph.js";
import { edgeFilter, foldsByItself, homeOf, isSpace, kindCounts, spaceName, visible, worldOf } from "./model.js";
import { Notices } from "./notices.js";
import { Panel } from "./panel.js";
import { asked, readState, wholeRange, writeState } from "./state.js";
import { Tables } from "./table.js";
import { Timeline } from "./timeline.js";
import { showChips, showTools } from "./tools.js";
import { count, milliOf, moment, nameOf } from "./words.js";

const get = (id) => document.getElementById(id);

export class Page {
  constructor() {
    const { tenant, now, defaultSince } = get("mesh").dataset;
    this.tenant = tenant;
    this.defaults = { since: defaultSince };
    // The server's clock counts, not the browser's.
    this.ahead = Number(now) - Date.now();
    this.began = Number(now);
    this.state = readState(location.search, this.defaults);
    this.world = this.drawn = this.timeline = null;
    this.asking = new AbortController();
    this.marks = new Set();
    // How long the last answer took, and in how many seconds to ask again after a failure.
    this.took = this.retry = 0;
    this.asks = false;
    const open = (id) => this.change({ open: id }, { remember: true });
    const acts = {
      open,
      focus: (id) => this.change({ focus: this.state.focus === id ? "" : id }, { remember: true }),
      fold: (home) => this.fold(home),
      isFolded: (home) => this.isFolded(home),
      focused: () => this.state.focus,
      timeline: (about) => askTimeline(asked(this.range()), this.tenant, about, this.asking.signal),
      range: () => this.answered(),
      hint: (what, x, y) => this.notices.hint(what, x, y, this.world),
      say: (node) => this.notices.sayNode(node, this.world),
    };
    this.notices = new Notices(acts);
    this.graph = new Graph(get("map"), acts);
    this.panel = new Panel(get("detail"), acts, tenant);
    this.tables = new Tables(get("tables"), open);
    this.times = new Timeline(get("timeline"), (part) => this.change({ part }));
    this.whole = wholeRange(this.state, this.began);
  }

  // ---- Time ----

  now() {
    return Date.now() + this.ahead;
  }

  /** Fix the range that is asked for: a range that ends now ends at this moment. */
  settle() {
    this.whole = wholeRange(this.state, this.now());
  }

  range() {
    return this.state.part ?? this.whole;
  }

  /** The range that the figures are of: the server takes whole minutes. */
  answered() {
    const { start, end } = this.world.answer;
    return { from: milliOf(start), to: milliOf(end) };
  }

  get follows() {
    return Boolean(this.state.since) && !this.state.part;
  }

  // ---- Changes ----

  /** Change parts of the state. With `remember`, the browser's Back undoes it. */
  change(changes, { remember = false } = {}) {
    const before = this.state;
    this.state = { ...before, ...changes };
    const address = writeState(this.state, this.tenant, this.defaults);
    if (address !== location.pathname + location.search) {
      if (remember) history.pushState(null, "", address);
      else history.replaceState(null, "", address);
    }
    this.follow(before);
  }

  /** Take the state from the address, as after Back. */
  restore() {
    const before = this.state;
    this.state = readState(location.search, this.defaults);
    this.follow(before);
  }

  follow(before) {
    const { state } = this;
    const ranged = ["since", "start", "end"].some((name) => state[name] !== before[name]);
    const parted = JSON.stringify(state.part) !== JSON.stringify(before.part);
    if (ranged) this.settle();
    this.draw();
    if (state.open !== before.open) this.opened();
    if (ranged || parted) this.refresh({ times: ranged });
    this.changed?.();
  }

  /** Bring what was opened into view, and say it. */
  opened() {
    const { open } = this.state;
    if (!open || !this.world) return;
    const service = this.world.services.get(open);
    const shown = service && !this.drawn?.nodes.has(open) ? homeOf(service) : open;
    if (this.state.view === "graph") this.graph.reveal(shown);
  }

  // ---- Folding ----

  isFolded(home) {
    return isSpace(home) && (this.foldsAll() !== this.state.except.includes(home));
  }

  foldsAll() {
    const { fold } = this.state;
    return fold ? fold === "all" : foldsByItself(this.world);
  }

  /** Fold a group into one node, or unfold it. */
  fold(home) {
    const others = this.state.except.filter((one) => one !== home);
    const except = others.length < this.state.except.length ? others : [...others, home];
    this.change({ fold: this.foldsAll() ? "all" : "none", except, focus: "" }, { remember: true });
  }

  foldAll() {
    const homes = [...this.world.spaces.keys()].filter(isSpace);
    const folded = homes.some((home) => this.isFolded(home));
    this.change({ fold: folded ? "none" : "all", except: [], focus: "" }, { remember: true });
  }

  // ---- Asking ----

  /** Ask the server for the map, and with `times` for the timeline too. */
  async refresh({ times = true } = {}) {
    this.asking.abort();
    this.asking = new AbortController();
    const { signal } = this.asking;
    const began = performance.now();
    this.asks = true;
    this.changed?.();
    this.notices.busy(true);
    try {
      // One after the other: side by side, each would take the engine's time from the other.
      await this.takeMap(signal);
      if (times || !this.timeline) await this.takeTimes(signal);
      this.notices.clear();
      this.retry = 0;
    } catch (error) {
      if (signal.aborted) return;
      this.retry = error.retry ?? 0;
      this.notices.refused(error, { stale: Boolean(this.world), again: () => this.refresh() });
    }
    if (signal.aborted) return;
    this.asks = false;
    this.took = performance.now() - began;
    this.notices.busy(false);
    this.changed?.();
  }

  async takeMap(signal) {
    this.world = worldOf(await askMap(asked(this.range()), this.tenant, signal));
    this.asOf = this.now();
    this.draw();
    this.seen("mesh-map");
  }

  async takeTimes(signal) {
    this.timeline = await askTimeline(asked(this.whole), this.tenant, {}, signal);
    this.times.show(this.timeline, this.whole, this.state.part);
    this.seen("mesh-timeline");
  }

  /** Note when the map, and then its timeline, were first on the screen, in the performance entries. */
  seen(what) {
    if (this.marks.has(what)) return;
    this.marks.add(what);
    requestAnimationFrame(() => setTimeout(() => performance.mark(what)));
  }

  // ---- Drawing ----

  draw() {
    const { state, world } = this;
    showTools(state, this.whole);
    this.times.show(this.timeline, this.whole, state.part);
    if (!world) return;
    const filter = edgeFilter(state);
    const focus = this.knownFocus();
    this.drawn = visible(world, { isFolded: (home) => this.isFolded(home), focus, filter });
    showChips(kindCounts(world), state, this.totals(), (changes) => this.change(changes));
    this.notices.emptiness(world, { show: state.view === "graph" || !world.list.length });
    get("stage").hidden = state.view !== "graph" || !world.list.length;
    get("tables").hidden = state.view === "graph" || !world.list.length;
    this.panel.show(state.open, world, this.drawn);
    if (!get("stage").hidden) this.drawGraph(focus);
    else if (state.view === "edges") this.tables.show("edges", world.list.filter((edge) => this.listed(edge, filter, focus)), world, state.open);
    else this.tables.show("services", [...world.services.values()].filter((service) => this.drawsService(service, focus)), world, state.open);
  }

  drawGraph(focus) {
    const { world, state } = this;
    const homes = [...world.spaces.keys()].filter(isSpace);
    const folds = homes.some((home) => this.isFolded(home));
    get("fold").textContent = folds ? "Expand all" : "Collapse all";
    get("fold").hidden = Boolean(focus) || homes.length < 2;
    this.graph.show(this.drawn, JSON.stringify([focus, this.foldsAll(), state.except]));
    this.graph.choose(state.open);
    this.notices.focused(focus, focus && (isSpace(focus) ? spaceName(focus) : nameOf(world.services.get(focus))));
    this.notices.describe(get("map"), this.drawn, this.totals());
  }

  knownFocus() {
    const { focus } = this.state;
    return this.world.services.has(focus) || this.world.spaces.has(focus) ? focus : "";
  }

  listed(edge, filter, focus) {
    if (!filter(edge)) return false;
    if (!focus) return true;
    const is = (id) => id === focus || homeOf(this.world.services.get(id)) === focus;
    return is(edge.source) || is(edge.destination);
  }

  drawsService(service, focus) {
    if (!focus) return true;
    return isSpace(focus) ? homeOf(service) === focus : this.drawn.nodes.has(service.id);
  }

  totals() {
    const { answer, list, services } = this.world;
    const requests = list.reduce((sum, edge) => sum + edge.requests, 0);
    const known = [...services.values()].filter((service) => service.id !== "outside").length;
    const cut = answer.truncated ? " (the first of more)" : "";
    return `${count(known)} services · ${count(list.length)} edges${cut} · ${count(requests)} requests · as of ${moment(Math.min(this.asOf, milliOf(answer.end)))} UTC`;
  }
}
