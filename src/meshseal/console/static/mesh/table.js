// The same as the map in lists: every figure, sorted as one likes, for keys and screen readers too.
import { isFailing, isPlaintext, isVanished } from "./model.js";
import { bytes, count, isSelecting, make, milliseconds, nameOf, plain, rate, share, spaceOf } from "./words.js";

const FIRST = 250;
const text = (value) => ({ value, shown: value });
const figure = (value, shown) => ({ value: value ?? -1, shown, number: true });

const EDGES = {
  source: ["From", (edge, world) => ends(world, edge.source)],
  destination: ["To", (edge, world) => ends(world, edge.destination)],
  protocol: ["Protocol", (edge) => text(plain(edge.protocol))],
  encryption: ["Encryption", (edge) => encryptionOf(edge)],
  requests: ["Requests", (edge) => figure(edge.requests, count(edge.requests))],
  rate: ["Rate", (edge) => figure(edge.rate_per_second, rate(edge.rate_per_second))],
  errors: ["Failed", (edge) => figure(edge.error_share, share(edge.error_share))],
  errors_4xx: ["4xx", (edge) => figure(edge.errors_4xx, count(edge.errors_4xx))],
  errors_5xx: ["5xx", (edge) => figure(edge.errors_5xx, count(edge.errors_5xx))],
  failed: ["No answer", (edge) => figure(edge.failed, count(edge.failed))],
  p50: ["p50", (edge) => figure(edge.p50_ms, milliseconds(edge.p50_ms))],
  p95: ["p95", (edge) => figure(edge.p95_ms, milliseconds(edge.p95_ms))],
  p99: ["p99", (edge) => figure(edge.p99_ms, milliseconds(edge.p99_ms))],
  bytes: ["Bytes", (edge) => figure(edge.request_bytes + edge.response_bytes, bytes(edge.request_bytes + edge.response_bytes))],
  retries: ["Retries", (edge) => figure(edge.retries, count(edge.retries))],
  state: ["State", (edge) => text(edge.state)],
};

const SERVICES = {
  name: ["Service", (service) => text(nameOf(service))],
  namespace: ["Namespace", (service) => text(spaceOf(service.namespace))],
  cluster: ["Cluster", (service) => text(plain(service.cluster))],
  mesh: ["Mesh", (service) => text(plain(service.mesh))],
  encryption: ["Encryption", (service) => encryptionOf(service)],
  requests: ["Requests", (service) => figure(service.requests, count(service.requests))],
  rate: ["Rate", (service) => figure(service.rate_per_second, rate(service.rate_per_second))],
  errors: ["Failed", (service) => figure(service.errors, count(service.errors))],
  share: ["Failed share", (service) => figure(service.error_share, share(service.error_share))],
  p50: ["p50", (service) => figure(service.p50_ms, milliseconds(service.p50_ms))],
  p95: ["p95", (service) => figure(service.p95_ms, milliseconds(service.p95_ms))],
  p99: ["p99", (service) => figure(service.p99_ms, milliseconds(service.p99_ms))],
  callers: ["Called by", (service, world) => figure(size(world.callers, service), count(size(world.callers, service)))],
  called: ["Calls", (service, world) => figure(size(world.called, service), count(size(world.called, service)))],
};

const size = (index, service) => index.get(service.id)?.length ?? 0;

function ends(world, id) {
  const service = world.services.get(id);
  const name = service.namespace ? `${spaceOf(service.namespace)}/${nameOf(service)}` : nameOf(service);
  return text(name);
}

/** Sorted by what was open: plaintext, then what is not known. */
function encryptionOf({ mutual, plaintext, unknown }) {
  const all = mutual + plaintext + unknown;
  const value = all ? 2 * (plaintext / all) + (unknown / all) : -1;
  return { value, number: true, word: true, shown: all ? encryptionWords(mutual / all, plaintext / all, unknown / all) : "–" };
}

function encryptionWords(mutual, plaintext, unknown) {
  if (plaintext) return plaintext === 1 ? "plaintext" : `plaintext ${share(plaintext)}`;
  if (unknown) return unknown === 1 ? "unknown" : `mTLS ${share(mutual)}`;
  return "mTLS";
}

export class Tables {
  /** `open(id)` is called for a row. */
  constructor(place, open) {
    this.place = place;
    this.orders = { edges: { by: "requests", down: true }, services: { by: "requests", down: true } };
    this.all = { edges: false, services: false };
    this.again = () => {};
    place.addEventListener("click", (event) => {
      const sorted = event.target.closest("[data-sort]");
      const row = event.target.closest("tr[data-id]");
      if (sorted) this.sort(sorted.dataset.sort);
      else if (event.target.closest("#all-rows")) this.showAll();
      else if (row && !String(getSelection())) open(row.dataset.id);
    });
  }

  /** Show edges or services: `kind` says which, `items` are those that are to be listed. */
  show(kind, items, world, chosen) {
    this.again = () => this.show(kind, items, world, chosen);
    if (this.kind === kind && isSelecting(this.place)) return;
    this.kind = kind;
    const columns = kind === "edges" ? EDGES : SERVICES;
    const order = this.orders[kind];
    const rows = items.map((item) => ({ item, cells: Object.values(columns).map(([, cell]) => cell(item, world)) }));
    const at = Object.keys(columns).indexOf(order.by);
    rows.sort((a, b) => compared(a.cells[at], b.cells[at]) * (order.down ? -1 : 1) || (a.item.id < b.item.id ? -1 : 1));
    const shown = this.all[kind] ? rows : rows.slice(0, FIRST);
    const held = this.heldFocus();
    const scroll = [this.place.scrollLeft, this.place.scrollTop];
    const body = make("tbody", {}, ...shown.map((row) => rowOf(row, chosen)));
    const table = make("table", { class: "grid", id: `table-${kind}`, "aria-label": kind === "edges" ? "Edges" : "Services", "aria-rowcount": rows.length }, headOf(columns, order), body);
    const more = shown.length < rows.length && make("button", { type: "button", id: "all-rows" }, `Show all ${count(rows.length)}`);
    this.place.replaceChildren(make("p", { class: "count" }, make("b", {}, count(shown.length)), ` of ${count(rows.length)} ${kind}`), table, ...(more ? [more] : []));
    [this.place.scrollLeft, this.place.scrollTop] = scroll;
    if (held) this.place.querySelector(held)?.focus();
  }

  heldFocus() {
    const held = document.activeElement;
    if (!this.place.contains(held)) return "";
    if (held.dataset.sort) return `[data-sort="${held.dataset.sort}"]`;
    const row = held.closest("tr[data-id]");
    return row ? `tr[data-id="${CSS.escape(row.dataset.id)}"] button` : "";
  }

  sort(by) {
    const order = this.orders[this.kind];
    const columns = this.kind === "edges" ? EDGES : SERVICES;
    const down = order.by === by ? !order.down : isNumber(columns, by);
    this.orders[this.kind] = { by, down };
    this.again();
  }

  showAll() {
    this.all[this.kind] = true;
    this.again();
    this.place.querySelector("tbody button")?.focus();
  }
}

const NUMBERS = new Set(["encryption", "requests", "rate", "errors", "share", "errors_4xx", "errors_5xx", "failed", "p50", "p95", "p99", "bytes", "retries", "callers", "called"]);
const isNumber = (columns, by) => NUMBERS.has(by) && by in columns;

function headOf(columns, order) {
  const heads = Object.entries(columns).map(([key, [name]]) => {
    const chosen = order.by === key;
    const sort = chosen ? (order.down ? "descending" : "ascending") : "none";
    const sign = chosen ? (order.down ? " ▾" : " ▴") : "";
    return make("th", { scope: "col", "aria-sort": sort, class: NUMBERS.has(key) && key !== "encryption" ? "number" : "" },
      make("button", { type: "button", class: "sort", "data-sort": key }, name, make("span", { "aria-hidden": "true" }, sign)));
  });
  return make("thead", {}, make("tr", {}, ...heads));
}

function rowOf({ item, cells }, chosen) {
  const kind = isPlaintext(item) ? "plaintext" : isFailing(item) ? "failing" : isVanished(item) ? "gone" : "";
  const [first, ...others] = cells;
  return make("tr", { "data-id": item.id, class: kind, "aria-current": item.id === chosen ? "true" : null },
    make("th", { scope: "row" }, make("button", { type: "button", class: "link" }, first.shown)),
    ...others.map((cell) => make("td", { class: cell.number && !cell.word ? "number" : "" }, cell.shown)));
}

function compared(a, b) {
  if (a.number) return a.value - b.value;
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}
