// Starts the mesh map, its live mode and its keys.
import { listen, openHelp } from "../keys.js";
import { changeTheme, remember, remembered } from "../look.js";
import { startFind } from "./find.js";
import { fillLegend } from "./legend.js";
import { Page } from "./page.js";
import { startTools } from "./tools.js";

const EVERY = 5000;
/** A server that is slow is left alone for so many times as long as its answer took. */
const REST = 3;
const get = (id) => document.getElementById(id);

export const page = new Page();
let wanted = remembered("meshseal-mesh-live") !== "no";
let timer = 0;

// ---- Live ----

/** Ask again and again, as long as somebody looks. A failure is asked about again, live or not. */
function schedule() {
  clearTimeout(timer);
  const live = wanted && page.follows;
  get("live").setAttribute("aria-pressed", String(live));
  if (page.asks || document.hidden || !(live || page.retry)) return;
  timer = setTimeout(again, page.retry ? page.retry * 1000 : Math.max(EVERY, REST * page.took));
}

function again() {
  page.settle();
  page.refresh();
}

function toggleLive() {
  wanted = !(wanted && page.follows);
  remember("meshseal-mesh-live", wanted ? "yes" : "no");
  if (wanted && !page.follows) {
    page.change({ part: null, since: page.state.since || page.defaults.since });
  }
  if (wanted) again();
  else schedule();
}

// ---- Keys ----

const zoom = (factor) => page.graph.camera.zoom(factor, page.graph.size.width / 2, page.graph.size.height / 2);
const chosen = () => page.graph.cursor || page.state.open;
const acts = {
  "/": () => get("find").focus(),
  "?": openHelp,
  "+": () => zoom(1.3),
  "=": () => zoom(1.3),
  "-": () => zoom(1 / 1.3),
  0: () => page.graph.fit(),
  f: () => canFocus(chosen()) && page.change({ focus: chosen() }, { remember: true }),
  g: () => page.change({ view: "graph" }),
  t: () => page.change({ view: "edges" }),
  n: () => page.world && page.foldAll(),
  l: toggleLive,
  Escape: leave,
};

function canFocus(id) {
  return Boolean(id && page.world && (page.world.services.has(id) || page.world.spaces.has(id)));
}

function leave() {
  if (page.graph.cursor) page.graph.setCursor("");
  if (page.state.open) page.change({ open: "" }, { remember: true });
  else if (page.state.focus) page.change({ focus: "" }, { remember: true });
}

listen(acts);

// ---- Start ----

document.documentElement.classList.add("scripted");
fillLegend(get("legend"));
startTools((changes) => page.change(changes));
startFind(get("find"), get("found"), () => page.world, (id) => {
  page.change({ open: id, view: "graph" }, { remember: true });
  get("map").focus({ preventScroll: true });
});
get("notice").addEventListener("click", (event) => {
  const { since } = event.target.dataset;
  if (since) page.change({ since, start: 0, end: 0, part: null });
});
get("live").addEventListener("click", toggleLive);
get("zoom-in").addEventListener("click", acts["+"]);
get("zoom-out").addEventListener("click", acts["-"]);
get("zoom-fit").addEventListener("click", acts[0]);
get("fold").addEventListener("click", acts.n);
get("help-open").addEventListener("click", openHelp);
get("theme").addEventListener("click", () => {
  changeTheme();
  page.graph.relook();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => page.graph.relook());
addEventListener("popstate", () => page.restore());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && wanted && page.follows) again();
  else schedule();
});
page.changed = schedule;
// The first range ends where the server says: the browser has asked for it while it loaded this.
page.refresh();
