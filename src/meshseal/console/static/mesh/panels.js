// What the details say of an edge, a service, a namespace, or several edges between two nodes.
import { isFailing, isPlaintext, sumOf } from "./model.js";
import { flagTitle } from "./flags.js";
import { OUTSIDE, bytes, count, dayAndTime, make, milliOf, milliseconds, nameOf, plain, rate, share, spaceOf } from "./words.js";

const REPORTERS = { outbound: "told by the caller", inbound: "told by the called", gateway: "told by a gateway", "": "told by a proxy" };

/** The figures of a list as a definition list; what has no value is left out. */
export function facts(rows) {
  const items = rows.filter(Boolean).map(([name, value, kind = ""]) =>
    make("div", { class: kind }, make("dt", {}, name), make("dd", { "data-fact": name }, value)));
  return make("dl", { class: "facts" }, ...items);
}

const section = (title, ...content) => make("section", {}, make("h3", {}, title), ...content);

/** How much was encrypted, in words and as a bar. */
export function encryption({ mutual, plaintext, unknown }) {
  const all = mutual + plaintext + unknown;
  const part = (name, value) => {
    const made = make("i", { class: `tls-${name}` });
    made.style.flexGrow = value;
    return value ? made : null;
  };
  const words = [["mutual TLS", mutual], ["plaintext", plaintext], ["unknown", unknown]];
  return section("Encryption",
    make("div", { class: "tls-bar", "aria-hidden": "true" }, part("mutual", mutual), part("plaintext", plaintext), part("unknown", unknown)),
    facts(words.map(([name, value]) => [name, `${count(value)} · ${share(all ? value / all : 0)}`, name === "plaintext" && value ? "bad" : ""])),
  );
}

export function edgeTitle(world, edge) {
  const end = (id) => {
    const service = world.services.get(id);
    return make("button", { type: "button", class: "link", "data-open": id, title: plain(id) }, nameOf(service));
  };
  return make("h2", {}, end(edge.source), " → ", end(edge.destination));
}

/** The figures of one edge. */
export function edgeContent(edge) {
  const shown = edge.state === "vanished" && edge.before ? { ...edge, ...edge.before } : edge;
  const flags = Object.entries(shown.flags ?? {}).sort((a, b) => b[1] - a[1]);
  return [
    make("p", { class: "tags" },
      edge.marked && make("span", { class: "tag fresh", title: "Not seen in the same length of time before" }, "new"),
      edge.state === "vanished" && make("span", { class: "tag gone", title: "Seen in the same length of time before, and not since" }, "vanished"),
      isPlaintext(shown) && make("span", { class: "tag plaintext" }, "plaintext"),
      isFailing(shown) && make("span", { class: "tag failing" }, `${share(shown.error_share)} failed`),
      make("span", { class: "tag" }, plain(edge.protocol || "protocol unknown")),
      make("span", { class: "tag", title: "Whose records are counted" }, REPORTERS[edge.reporter] ?? plain(edge.reporter))),
    edge.state === "vanished" && make("p", { class: "note" }, "Nothing in this time range. The figures are those of the same length of time before it."),
    section("Requests", facts([
      ["requests", count(shown.requests)],
      ["rate", rate(shown.rate_per_second)],
      ["failed share", share(shown.error_share), isFailing(shown) ? "failing" : ""],
      ["status 4xx", count(shown.errors_4xx)],
      ["status 5xx", count(shown.errors_5xx), shown.errors_5xx ? "failing" : ""],
      ["no answer", count(shown.failed), shown.failed ? "failing" : ""],
      ["retries", count(shown.retries)],
    ])),
    section("Latency and size", facts([
      ["p50", milliseconds(shown.p50_ms)], ["p95", milliseconds(shown.p95_ms)], ["p99", milliseconds(shown.p99_ms)],
      ["request bytes", bytes(shown.request_bytes)], ["response bytes", bytes(shown.response_bytes)],
    ])),
    encryption(shown),
    flags.length > 0 && section("Response flags", facts(flags.map(([flag, number]) => [plain(flag), `${count(number)} ${flagTitle(flag)}`]))),
    shown.first_seen && section("Seen", facts([
      ["first", `${dayAndTime(milliOf(shown.first_seen))} UTC`],
      ["last", `${dayAndTime(milliOf(shown.last_seen))} UTC`],
    ])),
  ];
}

/** The golden signals of a service, and whom it talks to. */
export function serviceContent(world, service) {
  const outside = service.id === OUTSIDE;
  const [callers, called] = [world.callers.get(service.id) ?? [], world.called.get(service.id) ?? []];
  return [
    make("p", { class: "tags" }, ...[spaceOf(service.namespace), service.cluster, service.mesh].filter((word) => word && !outside)
      .map((word) => make("span", { class: "tag" }, plain(word)))),
    outside && make("p", { class: "note" }, "Whoever calls into the mesh, or is called from it, and is no service that its proxies name."),
    section("As others find it", facts([
      ["requests", count(service.requests)],
      ["rate", rate(service.rate_per_second)],
      ["failed", `${count(service.errors)} · ${share(service.error_share)}`, isFailing(service) ? "failing" : ""],
      ["p50", milliseconds(service.p50_ms)], ["p95", milliseconds(service.p95_ms)], ["p99", milliseconds(service.p99_ms)],
    ])),
    encryption(service),
    edgeList(world, `Called by ${callers.length}`, callers, "source"),
    edgeList(world, `Calls ${called.length}`, called, "destination"),
  ];
}

/** What a namespace takes in, its services, and the edges that leave or enter it. */
export function spaceContent(world, home) {
  const members = world.spaces.get(home);
  const inward = members.flatMap((service) => world.callers.get(service.id) ?? []);
  const sum = sumOf(inward);
  const rows = [...members].sort((a, b) => b.error_share - a.error_share || b.requests - a.requests);
  return [
    section("All its services together", facts([
      ["services", count(members.length)], ["requests", count(sum.requests)], ["rate", rate(sum.rate)],
      ["failed share", share(sum.errorShare), sum.errorShare >= 0.01 ? "failing" : ""], ["slowest p95", milliseconds(sum.p95)],
    ])),
    encryption(sum),
    section("Services", make("ul", { class: "ends" }, ...rows.map((service) => endRow(service.id, nameOf(service), service)))),
  ];
}

/** The edges behind a line that stands for several. */
export function linkContent(world, edges) {
  const sum = sumOf(edges);
  return [
    section("All of them together", facts([
      ["edges", count(edges.length)], ["requests", count(sum.requests)], ["rate", rate(sum.rate)],
      ["failed share", share(sum.errorShare), sum.errorShare >= 0.01 ? "failing" : ""], ["slowest p95", milliseconds(sum.p95)],
    ])),
    encryption(sum),
    edgeList(world, "Edges", edges, "both"),
  ];
}

/** Edges as a list: plaintext first, then those that fail, then by traffic. */
function edgeList(world, title, edges, end) {
  if (!edges.length) return section(title, make("p", { class: "note" }, "nobody in this time range"));
  const rank = (edge) => (isPlaintext(edge) ? 2 : 0) + (isFailing(edge) ? 1 : 0);
  const sorted = [...edges].sort((a, b) => rank(b) - rank(a) || b.requests - a.requests);
  const name = (edge) => (end === "both" ? ["source", "destination"] : [end]).map((key) => fullName(world.services.get(edge[key]))).join(" → ");
  return section(title, make("ul", { class: "ends" }, ...sorted.map((edge) => endRow(edge.id, name(edge), edge))));
}

function fullName(service) {
  return service.namespace ? `${spaceOf(service.namespace)}/${nameOf(service)}` : nameOf(service);
}

function endRow(id, name, figures) {
  const kind = isPlaintext(figures) ? "plaintext" : isFailing(figures) ? "failing" : figures.state === "vanished" ? "gone" : "";
  return make("li", {}, make("button", { type: "button", class: `end ${kind}`, "data-open": id },
    make("span", { class: "line" }),
    make("span", { class: "end-name" }, name),
    isPlaintext(figures) && make("span", { class: "tag plaintext" }, "plaintext"),
    isFailing(figures) && make("span", { class: "tag failing" }, share(figures.error_share)),
    figures.marked && make("span", { class: "tag fresh" }, "new"),
    figures.state === "vanished" && make("span", { class: "tag gone" }, "vanished"),
    make("span", { class: "number" }, rate(figures.rate_per_second))));
}
