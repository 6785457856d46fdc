// The controls above the map: range, traffic, which edges, how it is shown.
import { count, make } from "./words.js";
import { shownTime } from "./state.js";

const CUSTOM = "custom";
const CHIPS = [
  ["", "All edges", "All edges"],
  ["plaintext", "Plaintext", "Edges with requests that had no TLS"],
  ["errors", "Errors", "Edges on which 1 % of the requests or more failed"],
  ["new", "New", "Edges not seen in the same length of time before"],
  ["vanished", "Vanished", "Edges seen in the same length of time before, and not since"],
];

/** Start the controls; `change(changes)` is called with parts of the state. */
export function startTools(change) {
  const [since, custom, start, end] = ["since", "custom", "start", "end"].map((id) => document.getElementById(id));
  const least = document.getElementById("least");
  const form = document.getElementById("tools");
  const takeFixed = () => {
    const [from, to] = [start, end].map((field) => Date.parse(`${field.value}Z`));
    if (to > from) change({ since: "", start: from, end: to, part: null });
  };
  since.addEventListener("change", () => {
    custom.hidden = since.value !== CUSTOM;
    if (since.value === CUSTOM) takeFixed();
    else change({ since: since.value, part: null });
  });
  start.addEventListener("change", takeFixed);
  end.addEventListener("change", takeFixed);
  least.addEventListener("change", () => change({ least: Number(least.value) }));
  for (const button of form.querySelectorAll("[data-view]")) {
    button.addEventListener("click", () => change({ view: button.dataset.view }));
  }
  // Enter in the tenant's field goes to the page of that tenant; nothing else sends the form.
  form.addEventListener("submit", (event) => {
    if (document.activeElement?.name !== "tenant") event.preventDefault();
  });
}

/** Show in the controls what the state says. */
export function showTools(state, whole) {
  const since = document.getElementById("since");
  if (state.since && ![...since.options].some((option) => option.value === state.since)) {
    since.add(new Option(`Last ${state.since}`, state.since), since.options.length - 1);
  }
  since.value = state.since || CUSTOM;
  document.getElementById("custom").hidden = Boolean(state.since);
  if (document.activeElement?.type !== "datetime-local") {
    document.getElementById("start").value = shownTime(whole.from).slice(0, 19);
    document.getElementById("end").value = shownTime(whole.to).slice(0, 19);
  }
  const least = document.getElementById("least");
  if (![...least.options].some((option) => Number(option.value) === state.least)) {
    least.add(new Option(`≥ ${state.least}/s`, state.least));
  }
  least.value = [...least.options].find((option) => Number(option.value) === state.least).value;
  for (const button of document.querySelectorAll("#tools [data-view]")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === state.view));
  }
}

/** Show how many edges of each kind there are; a click shows only those. */
export function showChips(counts, state, said, change) {
  const place = document.getElementById("chips");
  const held = place.contains(document.activeElement) ? document.activeElement.dataset.show : null;
  const chips = CHIPS.map(([kind, name, title]) =>
    make("button", {
      type: "button", class: `chip ${kind}`, "data-show": kind, title, "aria-pressed": String(state.show === kind),
      onclick: () => change({ show: state.show === kind ? "" : kind }),
    }, make("span", { class: "sign" }), `${name} `, make("b", {}, count(counts[kind]))));
  place.replaceChildren(...chips, make("span", { class: "grow" }), make("span", { class: "count", id: "totals" }, said));
  if (held != null) place.querySelector(`[data-show="${held}"]`)?.focus();
}
