// The page that says whether everything arrived: finding, keys, live mode. All of it can be read without this.
import { isElsewhere, listen, openHelp } from "./keys.js";
import { changeTheme, remember, remembered } from "./look.js";

const EVERY = 10_000;
const get = (id) => document.getElementById(id);
let timer = 0;
let live = remembered("meshseal-completeness-live") === "yes";

const rows = () => [...document.querySelectorAll(".sources > tbody > tr")];
const shown = () => rows().filter((row) => !row.hidden);

function find() {
  const wanted = get("find").value.trim().toLowerCase();
  for (const row of rows()) row.hidden = !row.dataset.name.includes(wanted);
}

/** Look again, and leave open and found what was. */
async function refresh() {
  let text;
  try {
    const response = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!response.ok || response.redirected) return;
    text = await response.text();
  } catch {
    return; // The next look may succeed.
  }
  const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("complete");
  if (!fresh) return;
  const open = new Set(rows().filter((row) => row.querySelector("details[open]")).map(place));
  const focused = document.activeElement?.closest?.(".sources > tbody > tr");
  const at = focused && place(focused);
  get("complete").replaceChildren(...fresh.childNodes);
  for (const row of rows()) {
    if (open.has(place(row))) row.querySelector("details").open = true;
    if (place(row) === at) row.focus();
  }
  find();
}

const place = (row) => `${row.closest("section").getAttribute("aria-labelledby")} ${row.dataset.name}`;

function schedule() {
  clearTimeout(timer);
  get("live").setAttribute("aria-pressed", String(live));
  if (!live) return;
  timer = setTimeout(async () => {
    if (!document.hidden) await refresh();
    schedule();
  }, EVERY);
}

function toggleLive() {
  live = !live;
  remember("meshseal-completeness-live", live ? "yes" : "no");
  schedule();
}

function step(by) {
  const all = shown();
  const at = all.indexOf(document.activeElement?.closest?.(".sources > tbody > tr"));
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by;
  all[Math.max(0, Math.min(all.length - 1, next))]?.focus();
}

function open(row) {
  const details = row.querySelector("details");
  if (details) details.open = !details.open;
}

const acts = {
  "/": () => get("find").focus(),
  "?": openHelp,
  l: toggleLive,
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
};

listen(acts, (event) => {
  if (event.target !== get("find") || event.key !== "Escape") return;
  get("find").value = "";
  find();
  get("find").blur();
});
document.addEventListener("keydown", (event) => {
  if (isElsewhere(event) || event.key !== "Enter" || !event.target.matches(".sources > tbody > tr")) return;
  event.preventDefault();
  open(event.target);
});

document.documentElement.classList.add("scripted");
get("find").addEventListener("input", find);
get("live").addEventListener("click", toggleLive);
get("theme").addEventListener("click", changeTheme);
get("help-open").addEventListener("click", openHelp);
get("tools").addEventListener("change", (event) => {
  if (event.target.matches("select")) get("tools").requestSubmit();
});
schedule();
