// Numbers, times and names as the map shows them.

export const OUTSIDE = "outside";

export const count = (number) => Math.round(number).toLocaleString("en");

/** A number per second, with as many digits as count. */
export function rate(perSecond, digits = 3) {
  if (!perSecond) return "0/s";
  if (perSecond < 0.01) return "<0.01/s";
  return `${short(perSecond, digits)}/s`;
}

export function short(value, digits = 3) {
  if (value >= 1e9) return `${+(value / 1e9).toPrecision(3)}G`;
  if (value >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
  if (value >= 1e4) return `${+(value / 1e3).toPrecision(3)}k`;
  return `${value >= 100 ? Math.round(value) : +value.toPrecision(digits)}`;
}

/** A share of one, in percent: what is little is never shown as nothing. */
export function share(part) {
  if (!part) return "0 %";
  if (part < 0.001) return "<0.1 %";
  const percent = part * 100;
  if (percent > 99.9 && percent < 100) return ">99.9 %";
  return `${percent >= 10 ? Math.round(percent * 10) / 10 : +percent.toPrecision(2)} %`;
}

export function milliseconds(value) {
  if (value == null) return "–";
  if (value >= 1000) return `${+(value / 1000).toPrecision(3)} s`;
  return `${+value.toPrecision(3)} ms`;
}

export function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let size = value;
  let at = 0;
  while (size >= 1000 && at < units.length - 1) {
    size /= 1000;
    at += 1;
  }
  return `${at ? size.toPrecision(3) : size} ${units[at]}`;
}

/** A moment in UTC, as short as `step` milliseconds between moments allows. */
export function moment(time, step = 1000) {
  const text = new Date(time).toISOString();
  const [day, clock] = [text.slice(5, 10), text.slice(11, 19)];
  if (step >= 86_400_000) return day;
  if (step >= 60_000) return clock.slice(0, 5) === "00:00" ? day : clock.slice(0, 5);
  return clock;
}

export function dayAndTime(time) {
  return new Date(time).toISOString().slice(0, 19).replace("T", " ");
}

export function duration(time) {
  const units = [[86_400_000, "d"], [3_600_000, "h"], [60_000, "min"], [1000, "s"]];
  for (const [size, name] of units) {
    if (time >= size) return `${+(time / size).toPrecision(3)} ${name}`;
  }
  return `${Math.round(time)} ms`;
}

export const milliOf = (nanos) => Number(BigInt(nanos) / 1_000_000n);
export const nanosOf = (time) => `${BigInt(Math.round(time)) * 1_000_000n}`;

// Control characters, and those that turn the direction of what follows.
const UNSEEN = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** A name from outside, in which nothing is invisible. */
export function plain(text) {
  return text.replace(UNSEEN, (character) => {
    const code = character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    return `⟨U+${code}⟩`;
  });
}

/** What a service is called where its namespace is known. */
export function nameOf(service) {
  return service.id === OUTSIDE ? OUTSIDE : plain(service.name || service.id);
}

export function spaceOf(namespace) {
  return plain(namespace) || "no namespace";
}

/** Whether somebody is marking text there, to copy it: it is not to be replaced just then. */
export function isSelecting(place) {
  const selection = getSelection();
  return !selection.isCollapsed && place.contains(selection.anchorNode);
}

/** Make an element: `make("td", { class: "number" }, "12")`; text is text, never markup. */
export function make(name, attributes = {}, ...content) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...content.filter((item) => item != null && item !== false));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

export function shape(name, attributes = {}, ...content) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...content);
  return made;
}
