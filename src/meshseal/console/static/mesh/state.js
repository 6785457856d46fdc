// What the page shows, as its address holds it.
import { milliOf, nanosOf } from "./words.js";

const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SHOWN = ["", "plaintext", "errors", "new", "vanished"];
/** Namespaces as one node each: as it reads best, all of them, none; but for the exceptions. */
const FOLDS = ["", "all", "none"];
const VIEWS = ["graph", "edges", "services"];

/** Read the state from an address. What cannot be understood is as if it were not there. */
export function readState(search, defaults) {
  const given = new URLSearchParams(search);
  const [start, end] = [timeOf(given.get("start")), timeOf(given.get("end"))];
  const fixed = start != null && end != null && end > start;
  const [from, to] = [timeOf(given.get("from")), timeOf(given.get("to"))];
  const since = given.get("since") ?? "";
  return {
    since: fixed ? "" : spanOf(since) ? since : defaults.since,
    start: fixed ? start : 0,
    end: fixed ? end : 0,
    part: from != null && to != null && to > from ? { from, to } : null,
    view: among(VIEWS, given.get("view")),
    show: among(SHOWN, given.get("show")),
    least: Math.max(0, Number(given.get("least")) || 0),
    focus: given.get("focus") ?? "",
    open: given.get("open") ?? "",
    fold: among(FOLDS, given.get("fold")),
    except: given.getAll("except"),
  };
}

/** Write the state as an address; what is as usual is left out. */
export function writeState(state, tenant, defaults) {
  const said = new URLSearchParams();
  if (tenant) said.set("tenant", tenant);
  if (!state.since) {
    said.set("start", shownTime(state.start));
    said.set("end", shownTime(state.end));
  } else if (state.since !== defaults.since) said.set("since", state.since);
  if (state.part) {
    said.set("from", shownTime(state.part.from));
    said.set("to", shownTime(state.part.to));
  }
  for (const name of ["show", "focus", "open"]) if (state[name]) said.set(name, state[name]);
  if (state.view !== VIEWS[0]) said.set("view", state.view);
  if (state.least) said.set("least", String(state.least));
  if (state.fold) said.set("fold", state.fold);
  for (const home of state.except) said.append("except", home);
  const text = said.toString();
  return text ? `${location.pathname}?${text}` : location.pathname;
}

/** The whole range that is chosen, in milliseconds. */
export function wholeRange(state, now) {
  return state.since ? { from: now - spanOf(state.since), to: now } : { from: state.start, to: state.end };
}

/** A range as the API takes it: nanoseconds. */
export function asked({ from, to }) {
  return { start: nanosOf(from), end: nanosOf(to) };
}

/** A duration such as `15m`, in milliseconds; 0 if it is none. */
export function spanOf(text) {
  const found = /^(\d{1,6})([smhd])$/.exec(text ?? "");
  return found ? Number(found[1]) * UNITS[found[2]] : 0;
}

/** A time in an address: RFC 3339, or a number of nanoseconds or seconds. */
export function timeOf(text) {
  if (!text) return null;
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1000;
  if (/^\d{11,19}$/.test(text)) return milliOf(text);
  const time = Date.parse(text);
  return Number.isNaN(time) || time < 0 ? null : time;
}

export function shownTime(time) {
  return new Date(Math.round(time)).toISOString().replace(".000Z", "Z");
}

function among(known, value) {
  return known.includes(value) ? value : known[0];
}
