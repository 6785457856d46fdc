// The keyboard: what each key does where nothing is being typed.
const help = document.getElementById("help");

export function openHelp() {
  if (!help.open) help.showModal();
}

/** Tell a key that is not for the page: one of the browser's, or of the help. */
export function isElsewhere(event) {
  return event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented || help.open;
}

/** Have keys do what `acts` says where nothing is typed; where something is, `typed(event)` is called. */
export function listen(acts, typed = () => {}) {
  document.addEventListener("keydown", (event) => {
    if (isElsewhere(event)) return;
    if (event.target.closest("textarea, input, select")) {
      typed(event);
      return;
    }
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

/** Escape ends typing. */
export function leave(event) {
  if (event.key === "Escape") event.target.blur();
}

export function startKeys({ query, search, toggleLive, toggleWrap }) {
  const acts = {
    "/": () => {
      query.focus();
      query.setSelectionRange(query.value.length, query.value.length);
    },
    "?": openHelp,
    j: () => move(1),
    ArrowDown: () => move(1),
    k: () => move(-1),
    ArrowUp: () => move(-1),
    Escape: () => document.getElementById("close")?.click(),
    l: toggleLive,
    w: toggleWrap,
    r: () => search.requestSubmit(),
  };
  listen(acts, leave);
}

/** Move the focus through the rows; where the panel is open, it follows. */
function move(step) {
  const rows = [...document.querySelectorAll("#rows tr.row")];
  if (!rows.length) return;
  const here = document.activeElement.closest?.("#rows tr.row")
    ?? document.querySelector("#rows tr.row[aria-current]");
  const at = here ? rows.indexOf(here) + step : 0;
  const link = rows[Math.max(0, Math.min(rows.length - 1, at))].querySelector("a");
  link.focus();
  link.scrollIntoView({ block: "nearest" });
}
