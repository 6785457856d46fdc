// What the page says beside the map: what is under the pointer, that there is nothing, what is wrong.
import { isSpace, spaceName } from "./model.js";
import { OUTSIDE, count, make, milliseconds, nameOf, rate, share } from "./words.js";

const get = (id) => document.getElementById(id);

export class Notices {
  constructor(acts) {
    this.acts = acts;
  }

  /** Mark that the page asks: for screen readers, and for whoever waits for it. */
  busy(on) {
    get("mesh").setAttribute("aria-busy", String(on));
  }

  // ---- Errors, and nothing ----

  clear() {
    const place = get("notice");
    if (place.classList.contains("refused")) place.hidden = true;
  }

  /** Say what is wrong and what to do; with `stale`, what was shown stays. */
  refused(error, { stale, again }) {
    const place = get("notice");
    const ways = error.login
      ? make("a", { class: "button run", href: `/login?${new URLSearchParams({ next: location.pathname + location.search })}` }, "Log in")
      : make("button", { type: "button", class: "run", id: "again", onclick: again }, "Try again");
    const retry = error.retry ? ` It asks again in ${error.retry} s.` : "";
    place.className = `notice refused${stale ? " stale" : ""}`;
    place.setAttribute("role", "alert");
    place.replaceChildren(
      make("h2", {}, error.title ?? "This could not be shown"),
      make("p", {}, `${sentence(error.message)}${stale ? " What is shown is from before." : ""}${retry}`),
      ways,
    );
    place.hidden = false;
    if (!error.title) console.warn(error);
  }

  /** Where no edge is known, say how to send what makes a map. */
  emptiness(world, { show }) {
    const place = get("notice");
    if (!show || world.list.length) {
      if (place.classList.contains("empty")) place.hidden = true;
      return;
    }
    if (place.classList.contains("empty") && !place.hidden) return;
    place.className = "notice nothing empty";
    place.removeAttribute("role");
    place.replaceChildren(get("how").content.cloneNode(true));
    place.hidden = false;
  }

  /** Say which service or namespace the map is about, and how to leave it. */
  focused(focus, name) {
    const chip = get("focus-chip");
    chip.hidden = !focus;
    if (!focus) return;
    const leave = make("button", { type: "button", class: "quiet small", id: "unfocus", title: "Show the whole map (Esc)", onclick: () => this.acts.focus(focus) }, "Whole map ✕");
    chip.replaceChildren(isSpace(focus) ? "Only namespace " : "Only ", make("b", {}, name), " and those it talks to ", leave);
  }

  // ---- What is where ----

  /** Show the figures of what is under the pointer. */
  hint(found, x, y, world) {
    const tip = get("hint");
    const lines = found && world ? linesOf(found, world) : null;
    tip.hidden = !lines;
    if (!lines) return;
    const [title, ...others] = lines;
    tip.replaceChildren(make("b", {}, title), ...others.filter(Boolean).map((line) => make("span", {}, line)));
    const stage = tip.parentElement;
    const left = x + 16 + tip.offsetWidth > stage.clientWidth ? x - tip.offsetWidth - 12 : x + 16;
    const top = y + 16 + tip.offsetHeight > stage.clientHeight ? y - tip.offsetHeight - 12 : y + 16;
    tip.style.transform = `translate(${Math.max(2, left)}px, ${Math.max(2, top)}px)`;
  }

  /** Say a node that the keys have come to. */
  sayNode(node, world) {
    get("said").textContent = linesOf({ node }, world).filter(Boolean).join(", ");
  }

  describe(canvas, drawn, totals) {
    canvas.setAttribute("aria-label", `The map of the mesh: ${totals}. ${drawn.nodes.size} nodes are drawn.`);
  }
}

/** A message of the server as a sentence: it begins it in small letters, and without a full stop. */
function sentence(text) {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

function linesOf({ node, link, home }, world) {
  if (home) return [spaceName(home), "click for its figures, double-click to fold it"];
  if (node) return nodeLines(node, world);
  const [edge] = link.edges;
  const title = link.edges.length === 1
    ? `${ends(world, edge)}`
    : `${endName(world, link.source)} → ${endName(world, link.target)}: ${count(link.edges.length)} edges`;
  return [title, ...figures(link), encryption(link), link.gone ? "vanished" : link.fresh ? "new" : ""];
}

function nodeLines(node, world) {
  if (node.kind === "space") return [`${node.label}, ${node.members.length} services`, ...figures(node), encryption(node)];
  const [callers, called] = [world.callers.get(node.id)?.length ?? 0, world.called.get(node.id)?.length ?? 0];
  const where = node.id === OUTSIDE ? "not in the mesh" : `in ${node.space}`;
  return [`${node.label}, ${where}`, ...figures(node), encryption(node), `called by ${callers}, calls ${called}`];
}

function figures(sum) {
  if (!sum.requests) return ["no requests in this time range"];
  return [
    `${count(sum.requests)} requests, ${rate(sum.rate)}`,
    sum.errorShare ? `${share(sum.errorShare)} failed` : "",
    sum.p95 == null ? "" : `p95 ${milliseconds(sum.p95)}${sum.edges?.length > 1 || sum.members ? " at the slowest" : ""}`,
  ];
}

function encryption({ plaintext, mutual, unknown }) {
  const all = plaintext + mutual + unknown;
  if (!all) return "";
  if (plaintext) return `${share(plaintext / all)} plaintext`;
  return mutual === all ? "all mTLS" : `${share(mutual / all)} mTLS, the rest unknown`;
}

const endName = (world, id) => (isSpace(id) ? spaceName(id) : nameOf(world.services.get(id)));
const ends = (world, edge) => `${endName(world, edge.source)} → ${endName(world, edge.destination)}`;
