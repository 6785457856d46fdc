// Marks on edges: words where there is room for them, signs where there is not.
import { fails } from "./model.js";
import { pointAt } from "./routes.js";
import { share } from "./words.js";

/** More labels than these would hide the map: then signs stand for them. */
const MOST_WORDS = 40;
const HEIGHT = 17;

/** Return the links to mark, and whether there is room to spell out what is the matter. */
export function markedOf({ hot, camera }, links) {
  const marked = links.filter((link) => (fails(link) || link.fresh || link.gone) && (!hot || hot.links.has(link.id)));
  const near = camera.scale > 0.5;
  const spelled = hot ? near || marked.length <= 3 : marked.length <= MOST_WORDS && camera.scale > 0.35;
  return { links: marked, spelled };
}

/** Write what is the matter with links, at a size of its own. */
export function paintLabels(context, scene, links) {
  const taken = [];
  for (const link of links) label(context, scene, link, taken);
}

function label(context, scene, link, taken) {
  const { look } = scene;
  context.font = `600 11px ${look.font}`;
  const said = wordsOf(link, look).map(([text, color]) => [text, color, context.measureText(text).width + 10]);
  const width = said.reduce((sum, [, , one]) => sum + one + 3, -3);
  if (!said.length) return;
  const spot = freeSpot(scene, link, width, taken);
  taken.push(spot);
  let left = spot.x;
  for (const [text, color, one] of said) {
    context.fillStyle = look.sheet;
    context.strokeStyle = color;
    context.lineWidth = 1.2;
    context.beginPath();
    context.roundRect(left, spot.y, one, HEIGHT, HEIGHT / 2);
    context.fill();
    context.stroke();
    context.fillStyle = look.text;
    context.fillText(text, left + 5, spot.y + 12.5);
    left += one + 3;
  }
}

function wordsOf(link, look) {
  const said = [];
  if (fails(link)) said.push([`✕ ${share(link.errorShare)}`, look["map-error"]]);
  if (link.fresh) said.push(["new", look["map-new"]]);
  if (link.gone) said.push(["gone", look["map-unknown"]]);
  return said;
}

/** Find a place along a link where a label hides neither a node nor another label. */
function freeSpot({ routes, camera, drawn, arrangement }, link, width, taken) {
  const { curve } = routes.get(link.id);
  let [first, free] = [null, null];
  for (const part of [0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8, 0.12, 0.88]) {
    const [x, y] = camera.toView(...pointAt(curve, part));
    const spot = { x: x - width / 2, y: y - HEIGHT / 2, width, height: HEIGHT };
    first ??= spot;
    if (taken.some((other) => overlap(spot, other))) continue;
    free ??= spot;
    const covers = [...drawn.nodes.keys()].some((id) => overlap(spot, inView(camera, arrangement.places.get(id))));
    if (!covers) return spot;
  }
  return free ?? first;
}

function inView(camera, place) {
  const [x, y] = camera.toView(place.x, place.y);
  return { x, y, width: place.width * camera.scale, height: place.height * camera.scale };
}

function overlap(a, b) {
  return a.x < b.x + b.width + 2 && b.x < a.x + a.width + 2 && a.y < b.y + b.height + 2 && b.y < a.y + a.height + 2;
}

/** A small sign where words do not fit: a cross for errors, a ring for what is new. */
export function paintMark(context, { look, routes, camera }, link) {
  const [x, y] = pointAt(routes.get(link.id).curve, 0.4);
  const size = 3.2 / Math.max(0.45, camera.scale);
  context.lineWidth = size / 2;
  context.beginPath();
  if (fails(link)) {
    context.strokeStyle = look["map-error"];
    context.moveTo(x - size, y - size);
    context.lineTo(x + size, y + size);
    context.moveTo(x + size, y - size);
    context.lineTo(x - size, y + size);
  } else if (link.fresh) {
    context.strokeStyle = look["map-new"];
    context.arc(x, y, 1.2 * size, 0, 2 * Math.PI);
  }
  context.stroke();
}
