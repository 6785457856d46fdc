// The line of each link, and which of them the pointer is at.
const PIECES = 18;

/** Return the routes by link: a cubic curve `curve` and the points along it, in the map's units. */
export function routesOf(drawn, { places }) {
  const ends = [];
  for (const link of drawn.links.values()) {
    const [from, to] = [places.get(link.source), places.get(link.target)];
    ends.push({ link, from, to, ...sidesOf(from, to) });
  }
  const start = ports(ends, "from", "leaves", "to");
  const end = ports(ends, "to", "enters", "from");
  const routes = new Map();
  for (const found of ends) {
    const a = { x: edgeOf(found.from, found.leaves), y: start.get(found) };
    const b = { x: edgeOf(found.to, found.enters), y: end.get(found) };
    const curve = curveOf(a, b, found);
    routes.set(found.link.id, { curve, points: pointsOf(curve) });
  }
  return routes;
}

/** Which side of its box a link leaves, and which side of the other it enters: 1 is the right one. */
function sidesOf(from, to) {
  if (to.x > from.x + from.width + 8) return { leaves: 1, enters: -1 };
  if (to.x + to.width < from.x - 8) return { leaves: -1, enters: 1 };
  return { leaves: 1, enters: 1 };
}

const edgeOf = (box, side) => (side > 0 ? box.x + box.width : box.x);
const middleOf = (box) => box.y + box.height / 2;

/** Spread the links of one side of a box over it, in the order of their other ends. */
function ports(ends, own, side, other) {
  const groups = new Map();
  for (const end of ends) {
    const key = end[own];
    if (!groups.has(key)) groups.set(key, { [-1]: [], 1: [] });
    groups.get(key)[end[side]].push(end);
  }
  const found = new Map();
  for (const [box, sides] of groups) {
    for (const members of [sides[-1], sides[1]]) {
      members.sort((a, b) => middleOf(a[other]) - middleOf(b[other]));
      const room = box.height * 0.62;
      const step = Math.min(9, room / Math.max(1, members.length - 1));
      const top = middleOf(box) - (step * (members.length - 1)) / 2;
      members.forEach((end, at) => found.set(end, top + step * at));
    }
  }
  return found;
}

function curveOf(a, b, { leaves, enters }) {
  const [dx, dy] = [Math.abs(b.x - a.x), Math.abs(b.y - a.y)];
  // Beside one another in a column: a bow to the right.
  const reach = leaves === enters ? 26 + Math.min(90, dy * 0.22) : Math.max(28, Math.min(dx * 0.5, 220));
  return [a, { x: a.x + leaves * reach, y: a.y }, { x: b.x + enters * reach, y: b.y }, b];
}

function pointsOf([a, c, d, b]) {
  const points = new Float32Array(2 * (PIECES + 1));
  for (let at = 0; at <= PIECES; at += 1) {
    const [x, y] = pointAt([a, c, d, b], at / PIECES);
    points[2 * at] = x;
    points[2 * at + 1] = y;
  }
  return points;
}

/** The point of a curve at a share of its way. */
export function pointAt([a, c, d, b], t) {
  const s = 1 - t;
  const [i, j, k, l] = [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t];
  return [i * a.x + j * c.x + k * d.x + l * b.x, i * a.y + j * c.y + k * d.y + l * b.y];
}

/** Return the node at a point, or null. */
export function nodeAt(x, y, drawn, { places }) {
  for (const node of drawn.nodes.values()) {
    const { x: left, y: top, width, height } = places.get(node.id);
    if (x >= left && x <= left + width && y >= top && y <= top + height) return node;
  }
  return null;
}

/** Return the group whose title is at a point, or null. */
export function titleAt(x, y, { frames }, title) {
  for (const [home, frame] of frames) {
    if (x >= frame.x && x <= frame.x + frame.width && y >= frame.y && y <= frame.y + title) return home;
  }
  return null;
}

/** Return the shown link nearest to a point and not farther than `reach`, or null. */
export function linkAt(x, y, reach, drawn, routes) {
  let [best, nearest] = [null, reach * reach];
  for (const link of drawn.links.values()) {
    if (!link.edges.length) continue;
    const distance = distanceTo(routes.get(link.id).points, x, y);
    if (distance > nearest) continue;
    [best, nearest] = [link, distance];
  }
  return best;
}

/** The square of the distance of a point to a line of points. */
function distanceTo(points, x, y) {
  let nearest = Infinity;
  for (let at = 0; at < points.length - 2; at += 2) {
    const [ax, ay] = [points[at], points[at + 1]];
    const [dx, dy] = [points[at + 2] - ax, points[at + 3] - ay];
    const along = Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1)));
    const [ex, ey] = [ax + along * dx - x, ay + along * dy - y];
    nearest = Math.min(nearest, ex * ex + ey * ey);
  }
  return nearest;
}
