// From the API's answer to what is drawn: which nodes there are, and which edges between them.
import { OUTSIDE, nameOf, spaceOf } from "./words.js";

/** The share of requests that failed from which an edge is shown as failing. */
export const FAILING = 0.01;
/** More services than this begin with each namespace as one node. */
const FOLD_ABOVE = 60;
const SPACE = "namespace:";

/** Take an answer in: services and edges by their names, services by namespace. */
export function worldOf(answer) {
  const services = new Map(answer.services.map((service) => [service.id, service]));
  for (const edge of answer.edges) {
    for (const id of [edge.source, edge.destination]) {
      if (!services.has(id)) services.set(id, unknownService(id));
    }
  }
  const spaces = new Map();
  for (const id of [...services.keys()].sort()) {
    const name = homeOf(services.get(id));
    if (!spaces.has(name)) spaces.set(name, []);
    spaces.get(name).push(services.get(id));
  }
  // Where nothing was seen before, everything is new: marks would say nothing.
  const marks = answer.edges.some((edge) => edge.state !== "new");
  for (const edge of answer.edges) edge.marked = marks && isNew(edge);
  const edges = new Map(answer.edges.map((edge) => [edge.id, edge]));
  return { answer, services, spaces, edges, list: answer.edges, callers: ends(answer.edges, "destination"), called: ends(answer.edges, "source") };
}

function unknownService(id) {
  const at = id.lastIndexOf("/");
  return {
    id, name: id.slice(at + 1), namespace: id.slice(0, Math.max(0, at)), cluster: "", mesh: "",
    requests: 0, errors: 0, rate_per_second: 0, error_share: 0, p50_ms: null, p95_ms: null, p99_ms: null,
    mutual: 0, plaintext: 0, unknown: 0,
  };
}

function ends(edges, end) {
  const found = new Map();
  for (const edge of edges) {
    if (!found.has(edge[end])) found.set(edge[end], []);
    found.get(edge[end]).push(edge);
  }
  return found;
}

/** The group of a service: its namespace, but outside is a group of its own. */
export function homeOf(service) {
  return service.id === OUTSIDE ? OUTSIDE : `${SPACE}${service.namespace}`;
}

export const isSpace = (id) => id.startsWith(SPACE);
export const spaceName = (id) => spaceOf(id.slice(SPACE.length));

/** Whether namespaces begin as one node each. */
export function foldsByItself(world) {
  return world.services.size > FOLD_ABOVE && world.spaces.size > 2;
}

// ---- Edges ----

export const isPlaintext = (edge) => edge.plaintext > 0;
export const isFailing = (edge) => edge.requests > 0 && edge.error_share >= FAILING;
export const isNew = (edge) => edge.state === "new";
export const isVanished = (edge) => edge.state === "vanished";
const KINDS = { plaintext: isPlaintext, errors: isFailing, new: isNew, vanished: isVanished };

/** How many edges there are of each kind; '' is all of them. */
export function kindCounts(world) {
  const counts = { "": world.list.length };
  for (const [kind, is] of Object.entries(KINDS)) counts[kind] = world.list.filter(is).length;
  return counts;
}

/** Return what says whether an edge is among those that are to be shown. */
export function edgeFilter({ show, least }) {
  const kind = KINDS[show] ?? (() => true);
  return (edge) => {
    if (!kind(edge)) return false;
    if (!least || isPlaintext(edge)) return true;
    const traffic = edge.before && isVanished(edge) ? edge.before : edge;
    return traffic.rate_per_second >= least;
  };
}

// ---- What is drawn ----

/**
 * Return the nodes and links to draw.
 *
 * `isFolded(home)` says whether a group is one node; `focus` is the id of a service or a group, or
 * ''; `filter(edge)` says which edges are shown. Nodes and links do not depend on the filter, only
 * whether they are `lit`: then nothing moves when it changes.
 */
export function visible(world, { isFolded, focus, filter }) {
  const shows = scopeOf(world, focus, isFolded);
  const nodes = new Map();
  const links = new Map();
  const nodeOf = (id) => {
    const service = world.services.get(id);
    const home = homeOf(service);
    const key = shows.folds(id, home) ? home : id;
    if (!nodes.has(key)) nodes.set(key, key === id ? serviceNode(service, home) : spaceNode(world, home));
    return nodes.get(key);
  };
  if (!focus) for (const id of world.services.keys()) nodeOf(id);
  if (focus && world.services.has(focus)) nodeOf(focus);
  for (const edge of world.list) {
    if (!shows.has(edge)) continue;
    const [source, target] = [nodeOf(edge.source), nodeOf(edge.destination)];
    const lit = filter(edge);
    if (source === target) {
      source.inner.push(edge);
      source.lit ||= lit;
      continue;
    }
    const key = `${source.id} > ${target.id}`;
    if (!links.has(key)) links.set(key, { id: key, source: source.id, target: target.id, all: [], edges: [] });
    links.get(key).all.push(edge);
    if (!lit) continue;
    links.get(key).edges.push(edge);
    source.lit = target.lit = true;
  }
  for (const link of links.values()) Object.assign(link, sumOf(link.edges));
  return { nodes, links, focus };
}

function scopeOf(world, focus, isFolded) {
  if (!focus) return { has: () => true, folds: (_, home) => isFolded(home) };
  if (isSpace(focus)) {
    const inside = (id) => homeOf(world.services.get(id)) === focus;
    return {
      has: (edge) => inside(edge.source) || inside(edge.destination),
      folds: (id, home) => home !== focus && home !== OUTSIDE && world.spaces.get(home).length > 1,
    };
  }
  return { has: (edge) => edge.source === focus || edge.destination === focus, folds: () => false };
}

function serviceNode(service, home) {
  const kind = service.id === OUTSIDE ? "outside" : "service";
  return { id: service.id, kind, home, label: nameOf(service), space: spaceOf(service.namespace), ...figuresOf(service), inner: [], lit: false };
}

function spaceNode(world, home) {
  const members = world.spaces.get(home);
  const inward = members.flatMap((service) => world.callers.get(service.id) ?? []);
  return { id: home, kind: "space", home, label: spaceName(home), space: "", members, ...sumOf(inward), inner: [], lit: false };
}

function figuresOf(service) {
  return {
    requests: service.requests, rate: service.rate_per_second, errorShare: service.error_share, p95: service.p95_ms,
    plaintext: service.plaintext, mutual: service.mutual, unknown: service.unknown,
  };
}

/** Whether what a node or a link sums up is failing. */
export const fails = (sum) => sum.requests > 0 && sum.errorShare >= FAILING;

/** The figures of several edges together. Latencies cannot be added: `p95` is the slowest edge's. */
export function sumOf(edges) {
  const sum = { requests: 0, rate: 0, errorShare: 0, p95: null, plaintext: 0, mutual: 0, unknown: 0, fresh: false, gone: edges.length > 0 };
  let failed = 0;
  for (const edge of edges) {
    sum.requests += edge.requests;
    sum.rate += edge.rate_per_second;
    failed += edge.error_share * edge.requests;
    sum.plaintext += edge.plaintext;
    sum.mutual += edge.mutual;
    sum.unknown += edge.unknown;
    if (edge.p95_ms != null) sum.p95 = Math.max(sum.p95 ?? 0, edge.p95_ms);
    sum.fresh ||= edge.marked;
    sum.gone &&= isVanished(edge);
  }
  sum.errorShare = sum.requests ? failed / sum.requests : 0;
  return sum;
}
