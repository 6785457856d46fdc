// Draws the nodes of the map and the frames of its groups.
import { fails, isPlaintext, isSpace, spaceName } from "./model.js";
import { rate, share, short } from "./words.js";

/** The height of a frame's title, in the map's units. */
export const TITLE = 26;
const RADIUS = 7;
/** Below these scales letters of that kind could not be read. */
const [READ_NAME, READ_FIGURES] = [0.4, 0.62];
const [SMALL, MOST_NAMES] = [0.75, 60];
const LEAST_TITLE = 12;

export function paintFrames(context, scene) {
  const { arrangement, camera, look, homes } = scene;
  for (const [home, frame] of arrangement.frames) {
    if (!homes.has(home)) continue;
    context.fillStyle = look["map-frame"];
    context.strokeStyle = look["map-frame-edge"];
    context.lineWidth = 1 / Math.min(1, camera.scale);
    box(context, frame, 10);
    context.fill();
    context.stroke();
  }
}

/** Titles of frames keep a size that can be read, however far away. */
export function paintTitles(context, scene) {
  const { arrangement, camera, look, homes } = scene;
  for (const [home, frame] of arrangement.frames) {
    if (!homes.has(home)) continue;
    const [x, y] = camera.toView(frame.x, frame.y);
    const pixels = Math.max(LEAST_TITLE, 13 * camera.scale);
    context.font = `650 ${pixels}px ${look.font}`;
    const room = frame.width * camera.scale - 28;
    const text = clipped(context, spaceName(home), Math.max(30, room));
    const width = context.measureText(text).width;
    const above = camera.scale < 0.75;
    const base = above ? y - 5 : y + 18 * camera.scale;
    context.globalAlpha = 0.82;
    context.fillStyle = look.ground;
    if (above) context.fillRect(x + 2, base - pixels + 1, width + 26, pixels + 4);
    context.globalAlpha = 1;
    context.fillStyle = look.text;
    const left = x + (above ? 4 : 12 * camera.scale);
    context.fillText(text, left, base);
    context.fillStyle = look.dim;
    context.font = `${Math.max(11, pixels - 2)}px ${look.font}`;
    if (room > width + 20) context.fillText(homes.get(home), left + width + 6, base);
  }
}

/** Names of what stands out, where the map is too far away for those on the nodes. */
export function paintNames(context, scene) {
  const { hot, camera, drawn, arrangement, look, hovered, cursor, chosen } = scene;
  if (!hot || camera.scale >= SMALL || hot.nodes.size > MOST_NAMES) return;
  const taken = [];
  const first = new Set([hovered, cursor, chosen]);
  const nodes = [...hot.nodes].sort((a, b) => first.has(b) - first.has(a)).map((id) => drawn.nodes.get(id));
  context.font = `600 11px ${look.font}`;
  for (const { id, label } of nodes) {
    const place = arrangement.places.get(id);
    const [x, y] = camera.toView(place.x, place.y + place.height / 2);
    const spot = { x: x + 3, y: y - 8, width: context.measureText(label).width + 8, height: 16 };
    const covered = taken.some((other) => spot.x < other.x + other.width && other.x < spot.x + spot.width && Math.abs(spot.y - other.y) < 16);
    if (covered) continue;
    taken.push(spot);
    context.fillStyle = look.raised;
    context.strokeStyle = look.edge;
    context.lineWidth = 1;
    box(context, spot, 4);
    context.fill();
    context.stroke();
    context.fillStyle = look.text;
    context.fillText(label, spot.x + 4, spot.y + 12);
  }
}

export function paintNodes(context, scene) {
  const { drawn, arrangement, hot, chosen, hovered, cursor } = scene;
  for (const node of drawn.nodes.values()) {
    const place = arrangement.places.get(node.id);
    const faded = hot ? !hot.nodes.has(node.id) : !node.lit;
    context.globalAlpha = 1;
    if (node.kind === "space") stack(context, scene, place);
    fillNode(context, scene, node, place, faded);
    const strong = node.id === chosen || node.id === cursor || node.id === hovered;
    if (strong) outline(context, scene, place, node.id === chosen || node.id === cursor ? 2.5 : 1.5);
  }
  context.globalAlpha = 1;
}

function stack(context, { look }, place) {
  context.fillStyle = look.sheet;
  context.strokeStyle = look["map-frame-edge"];
  context.lineWidth = 1;
  box(context, { ...place, x: place.x + 4, y: place.y + 4 }, RADIUS);
  context.fill();
  context.stroke();
}

function fillNode(context, scene, node, place, faded) {
  const { look, camera } = scene;
  context.fillStyle = node.kind === "outside" ? look.sunken : look.raised;
  context.strokeStyle = look.edge;
  context.lineWidth = 1 / Math.min(1, camera.scale);
  box(context, place, node.kind === "outside" ? place.height / 2 : RADIUS);
  context.fill();
  context.globalAlpha = faded ? 0.28 : 1;
  context.stroke();
  if (node.kind !== "outside") health(context, scene, node, place);
  if (camera.scale >= READ_NAME) letters(context, scene, node, place);
}

/** A bar at the left says how the service does; its height grows with the share that failed. */
function health(context, { look }, node, place) {
  context.save();
  box(context, place, RADIUS);
  context.clip();
  context.fillStyle = node.requests ? look["map-mutual"] : look["map-unknown"];
  context.fillRect(place.x, place.y, 5, place.height);
  if (fails(node)) {
    const part = Math.min(1, 0.25 + node.errorShare * 2.5);
    context.fillStyle = look["map-error"];
    context.fillRect(place.x, place.y + place.height * (1 - part), 5, place.height * part);
  }
  context.restore();
}

function letters(context, scene, node, place) {
  const { look, camera, arrangement } = scene;
  const left = place.x + (node.kind === "outside" ? 16 : 14);
  const room = place.width - (node.kind === "space" ? 44 : 24);
  const figures = camera.scale >= READ_FIGURES && place.height > 30;
  const large = node.kind === "space";
  context.fillStyle = look.text;
  context.font = `${large ? "650 14px" : arrangement.compact ? "12px" : "600 12.5px"} ${look.font}`;
  const middle = place.y + place.height / 2;
  const base = figures ? middle - (large ? 5 : 3) : middle + 4.5;
  context.fillText(clipped(context, node.label, room), left, base);
  if (node.kind === "space") plus(context, scene, place);
  if (!figures) return;
  context.fillStyle = look.dim;
  context.font = `11px ${look.font}`;
  const inside = node.inner.filter(isPlaintext).length;
  const free = place.width - 24 - (inside ? 34 : 0);
  context.fillText(clipped(context, figuresOf(scene, node), free), left, base + (large ? 18 : 15));
  if (inside) insidePlaintext(context, scene, place, inside, base + 18);
}

/** A dashed red line and a number: so many edges inside the namespace are plaintext. */
function insidePlaintext(context, { look }, place, number, base) {
  const right = place.x + place.width - 10;
  const width = context.measureText(number).width;
  context.strokeStyle = look["map-plaintext"];
  context.lineWidth = 2.5;
  context.setLineDash([5, 2.5]);
  context.beginPath();
  context.moveTo(right - width - 18, base - 4);
  context.lineTo(right - width - 4, base - 4);
  context.stroke();
  context.setLineDash([]);
  context.fillStyle = look.text;
  context.fillText(number, right - width, base);
}

function figuresOf({ drawn }, node) {
  const words = [];
  if (node.kind === "space") words.push(`${node.members.length} services`);
  const around = drawn.focus && !isSpace(drawn.focus);
  if (around && node.kind === "service") words.push(node.space);
  if (node.kind === "outside") return "not in the mesh";
  words.push(rate(node.rate, 2));
  if (around) return words.join(" · ");
  if (fails(node)) words.push(`✕ ${share(node.errorShare)}`);
  else if (node.kind === "service" && node.p95 != null) words.push(`p95 ${short(node.p95, 2)} ms`);
  return words.join(" · ");
}

/** The sign that a namespace can be unfolded. */
function plus(context, { look }, place) {
  const { x, y } = plusOf(place);
  context.strokeStyle = look.dim;
  context.lineWidth = 1.4;
  context.beginPath();
  context.roundRect(x, y, 16, 16, 4);
  context.moveTo(x + 4, y + 8);
  context.lineTo(x + 12, y + 8);
  context.moveTo(x + 8, y + 4);
  context.lineTo(x + 8, y + 12);
  context.stroke();
}

export const plusOf = (place) => ({ x: place.x + place.width - 26, y: place.y + 10, size: 16 });

function outline(context, { look, camera }, place, width) {
  context.globalAlpha = 1;
  context.strokeStyle = look.accent;
  context.lineWidth = width / Math.min(1, camera.scale);
  box(context, { x: place.x - 2, y: place.y - 2, width: place.width + 4, height: place.height + 4 }, RADIUS + 2);
  context.stroke();
}

function box(context, { x, y, width, height }, radius) {
  context.beginPath();
  context.roundRect(x, y, width, height, radius);
}

/** Shorten a text to what fits. */
export function clipped(context, text, room) {
  if (context.measureText(text).width <= room) return text;
  let [least, most] = [0, text.length];
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (context.measureText(`${text.slice(0, middle)}…`).width <= room) least = middle;
    else most = middle - 1;
  }
  return `${text.slice(0, least)}…`;
}
