// What the lines and signs of the map mean, drawn as the map draws them.
import { make, shape } from "./words.js";

const LINES = [
  ["mutual", "mTLS", "Both ends proved who they are"],
  ["unknown", "encryption unknown", "No proxy said whether there was TLS"],
  ["plaintext", "plaintext", "A proxy said that some requests had no TLS"],
  ["error", "✕ 1 % or more failed", "Status 5xx, or no answer"],
  ["new", "new", "Not seen in the same length of time before"],
  ["gone", "vanished", "Seen in the same length of time before, and not since"],
];

export function fillLegend(place) {
  const rows = LINES.map(([kind, words, title]) => make("li", { title }, sample(kind), words));
  const wide = shape("svg", { viewBox: "0 0 34 12", width: 34, height: 12, "aria-hidden": "true" },
    shape("path", { d: "M1 6 L33 2 L33 10 Z", class: "wedge" }));
  place.append(...rows, make("li", {}, wide, "more requests"));
}

function sample(kind) {
  return shape("svg", { viewBox: "0 0 34 12", width: 34, height: 12, "aria-hidden": "true" },
    shape("path", { d: "M1 6 L25 6", class: `line-${kind}` }), shape("path", { d: "M25 2 L33 6 L25 10 Z", class: `tip-${kind}` }));
}
