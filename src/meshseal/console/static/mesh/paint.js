// Draws the map on its canvas: frames, then links, then nodes; what matters most is drawn last.
import { markedOf, paintLabels, paintMark } from "./badges.js";
import { fails } from "./model.js";
import { paintFrames, paintNames, paintNodes, paintTitles } from "./nodes.js";

const COLORS = [
  "text", "dim", "sheet", "raised", "sunken", "edge", "ground", "accent", "accent-soft", "hover",
  "map-mutual", "map-unknown", "map-plaintext", "map-error", "map-new", "map-frame", "map-frame-edge",
];

/** The colors of the theme, as a canvas takes them. */
export function lookOf(probe) {
  const look = {};
  for (const name of COLORS) {
    probe.style.color = `var(--${name})`;
    look[name] = getComputedStyle(probe).color;
  }
  probe.style.color = "";
  const style = getComputedStyle(document.documentElement);
  look.font = style.getPropertyValue("--sans").trim();
  return look;
}

/** Draw nothing but the ground: a canvas that nothing was drawn on is black. */
export function clear(context, look) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = look.ground;
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
}

/**
 * Draw a scene: `drawn`, `arrangement`, `routes`, `camera`, `look`, and `hot`, the ids of the
 * nodes and links that stand out, or null when nothing does.
 */
export function paint(context, scene) {
  const { camera, look } = scene;
  const ratio = devicePixelRatio || 1;
  clear(context, look);
  const zoom = ratio * camera.scale;
  context.setTransform(zoom, 0, 0, zoom, -camera.x * zoom, -camera.y * zoom);
  paintFrames(context, scene);
  const links = sorted(scene);
  for (const link of links) paintLink(context, scene, link);
  const marked = markedOf(scene, links);
  if (!marked.spelled) for (const link of marked.links) paintMark(context, scene, link);
  paintNodes(context, scene);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  paintTitles(context, scene);
  paintNames(context, scene);
  if (marked.spelled) paintLabels(context, scene, marked.links);
}

/** The shown links, the plain ones first. */
function sorted({ drawn, hot }) {
  const links = [...drawn.links.values()].filter((link) => link.edges.length);
  const rank = (link) =>
    (hot?.links.has(link.id) ? 8 : 0) + (link.plaintext ? 4 : 0) + (fails(link) ? 2 : 0) + (link.fresh ? 1 : 0);
  return links.sort((a, b) => rank(a) - rank(b));
}

export function colorOf(link, look) {
  if (link.plaintext) return look["map-plaintext"];
  if (fails(link)) return look["map-error"];
  if (link.fresh) return look["map-new"];
  if (link.gone) return look["map-unknown"];
  return link.mutual ? look["map-mutual"] : look["map-unknown"];
}

/** How much a link stands out, from 0 to 1. */
function alphaOf(link, { hot, crowd, crowdFailing }) {
  if (hot) return hot.links.has(link.id) ? 1 : 0.05;
  if (link.plaintext) return 0.95;
  if (fails(link)) return Math.max(crowd, crowdFailing);
  return link.fresh || link.gone ? Math.max(0.7, crowd) : crowd;
}

/** The width of a link in the map's units, by its traffic. */
export function widthOf(rate, most) {
  return 1 + (most > 0 ? 3.4 * (Math.log1p(rate * 10) / Math.log1p(most * 10)) : 0);
}

function paintLink(context, scene, link) {
  const { camera, look, routes, busiest, hot } = scene;
  const [a, c, d, b] = routes.get(link.id).curve;
  const color = colorOf(link, look);
  // Far away lines stay visible; they never get thinner than the screen can show.
  const width = Math.max(widthOf(link.rate, busiest), 0.8 / camera.scale);
  context.globalAlpha = alphaOf(link, scene);
  context.strokeStyle = color;
  context.lineWidth = hot?.links.has(link.id) ? width + 0.8 / camera.scale : width;
  context.setLineDash(dashOf(link, camera.scale));
  context.lineCap = link.gone ? "round" : "butt";
  context.beginPath();
  context.moveTo(a.x, a.y);
  context.bezierCurveTo(c.x, c.y, d.x, d.y, b.x, b.y);
  context.stroke();
  context.setLineDash([]);
  if (camera.scale > 0.3 || hot?.links.has(link.id)) arrow(context, d, b, color, 4.5 + width * 1.1);
  context.globalAlpha = 1;
}

function dashOf(link, scale) {
  const unit = Math.max(1, 0.7 / scale);
  if (link.plaintext) return [8 * unit, 4 * unit];
  return link.gone ? [0.5 * unit, 5 * unit] : [];
}

function arrow(context, before, at, color, length) {
  // The curve ends level, so the tip points straight to the left or the right.
  const direction = at.x >= before.x ? -1 : 1;
  context.fillStyle = color;
  context.beginPath();
  context.moveTo(at.x, at.y);
  context.lineTo(at.x + direction * length, at.y - length * 0.5);
  context.lineTo(at.x + direction * length, at.y + length * 0.5);
  context.fill();
}
