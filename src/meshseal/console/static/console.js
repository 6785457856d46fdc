// The page without this script works by links and a form. This adds the rest, one module each.
import { draw, redraw } from "./chart.js";
import { startCompletion } from "./complete.js";
import { openHelp, startKeys } from "./keys.js";
import { startLive, stopLive } from "./live.js";
import { changeTheme, remember, remembered } from "./look.js";

const search = document.getElementById("search");
const query = document.getElementById("query");
const panel = document.getElementById("panel");

// ---- The query bar ----

function fit() {
  query.style.height = "auto";
  query.style.height = `${query.scrollHeight + 2}px`;
}

/** Show in the form what the results are of: a link may have changed it. */
function follow() {
  const shown = document.getElementById("results")?.dataset;
  if (!shown) return;
  const fields = search.elements;
  query.value = shown.query;
  choose(fields.since, shown.since);
  choose(fields.limit, shown.limit);
  fields.direction.value = shown.direction;
  fields.start.value = shown.start;
  fields.end.value = shown.end;
  if (fields.tenant) fields.tenant.value = shown.tenant;
  fit();
}

function choose(select, value) {
  if (![...select.options].some((option) => option.value === value)) {
    select.add(new Option(value, value));
  }
  select.value = value;
}

// ---- Rows and the panel ----

function markRow(place) {
  for (const row of document.querySelectorAll("#rows tr[aria-current]")) {
    row.removeAttribute("aria-current");
  }
  if (!place) return;
  const row = document.querySelector(`#rows tr[data-place="${CSS.escape(place)}"]`);
  row?.setAttribute("aria-current", "true");
}

function openRow(event) {
  const row = event.target.closest("#rows tr.row");
  if (!row || event.target.closest("a") || String(getSelection())) return;
  row.querySelector("a").click();
}

let lastOpened = "";

function panelChanged() {
  const place = panel.isConnected
    ? document.querySelector("#panel .record")?.dataset.place
    : undefined;
  // Whoever has gone on meanwhile, to the query perhaps, is not called back.
  if (!place && lastOpened && document.activeElement === document.body) {
    document.querySelector(`#rows tr[data-place="${CSS.escape(lastOpened)}"] a`)?.focus();
  }
  lastOpened = place ?? "";
  markRow(place);
}

// ---- The rest of the bar ----

function otherTheme() {
  changeTheme();
  redraw();
}

function setWrap(on) {
  document.documentElement.classList.toggle("wrapped", on);
  document.getElementById("wrap").setAttribute("aria-pressed", String(on));
  remember("meshseal-wrap", on ? "yes" : "no");
}

function toggleWrap() {
  setWrap(!document.documentElement.classList.contains("wrapped"));
}

function zoom(from, to) {
  const field = (seconds) => new Date(seconds * 1000).toISOString().slice(0, -1);
  const fields = search.elements;
  fields.since.value = "custom";
  fields.start.value = field(from);
  fields.end.value = field(to);
  search.requestSubmit();
}

function toggleLive() {
  const button = document.getElementById("live");
  if (button.getAttribute("aria-pressed") === "true") stopLive();
  else startLive();
}

// ---- Start ----

document.documentElement.classList.add("scripted");
setWrap(remembered("meshseal-wrap") === "yes");
fit();
draw(zoom);
panelChanged();
startCompletion(query, search);
startKeys({ query, search, toggleLive, toggleWrap });

query.addEventListener("input", fit);
search.addEventListener("submit", stopLive);
for (const name of ["since", "direction", "limit"]) {
  search.elements[name].addEventListener("change", () => {
    if (search.elements.since.value !== "custom") search.requestSubmit();
    else if (search.elements.start.value) search.requestSubmit();
  });
}
document.getElementById("theme").addEventListener("click", otherTheme);
document.getElementById("wrap").addEventListener("click", toggleWrap);
document.getElementById("live").addEventListener("click", toggleLive);
document.getElementById("help-open").addEventListener("click", openHelp);
document.addEventListener("click", openRow);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "main") {
    stopLive();
    follow();
    draw(zoom);
  }
  if (event.detail.target.id === "main" || event.detail.target.id === "panel") panelChanged();
});
document.body.addEventListener("htmx:sendError", () => {
  document.getElementById("searching").textContent = "The server does not answer.";
});
document.body.addEventListener("htmx:afterOnLoad", () => {
  document.getElementById("searching").textContent = "Searching…";
});
