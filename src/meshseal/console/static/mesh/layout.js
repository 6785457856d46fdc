// Where everything stands. The same services and calls give the same places; what comes later finds
// a place beside what is there, and nothing else moves.
import { columnsOf, compare, heightOf } from "./columns.js";
import { OUTSIDE } from "./words.js";

const TITLE = 30;
const PADDING = 14;
const WITHIN = { aspect: 1.25, gapX: 84, gapY: 18, strict: 2.5 };
const TIGHT = { aspect: 1.25, gapX: 46, gapY: 14 };
const COMPACT_ABOVE = 90;
const MOST_ROWS = 14;
/** Up to this share of new nodes is fitted in; with more of them, all is laid out anew. */
const FITTED = 0.25;
/** An order of columns is kept until it takes so much more room than it would need. */
const LOOSE = 1.35;

/**
 * Return the places of what is drawn.
 *
 * `drawn` is what `visible` gives, `key` says what it is a view of (the focus, and what is folded),
 * `measure(text, kind)` gives the width of a label, `aspect` is the width of the view by its height,
 * `previous` the arrangement that is shown now, or null.
 *
 * Returns `places` (by id: x, y of the left upper corner, width, height) and `frames` (by group).
 */
export function arrange(drawn, { key, aspect, measure, previous }) {
  if (previous?.key === key) {
    const fresh = [...drawn.nodes.values()].filter((node) => !previous.places.has(node.id));
    if (!fresh.length) return previous;
    if (fresh.length <= FITTED * drawn.nodes.size) return fitted(previous, fresh, measure);
  }
  const compact = drawn.nodes.size > COMPACT_ABOVE;
  const sizes = new Map([...drawn.nodes.values()].map((node) => [node.id, sizeOf(node, measure, compact)]));
  const focus = drawn.nodes.get(drawn.focus);
  const made = focus ? around(focus, drawn, sizes) : grouped(drawn, sizes, { aspect, gaps: compact ? TIGHT : WITHIN, before: previous?.columns });
  return { ...made, key, compact };
}

function sizeOf(node, measure, compact) {
  const width = measure(node.label, node.kind);
  if (node.kind === "space") return { width: Math.min(260, Math.max(222, width + 58)), height: 54 };
  const least = compact ? 84 : 148;
  return { width: Math.min(220, Math.max(least, width + 28)), height: compact ? 26 : 42 };
}

// ---- Groups ----

function grouped(drawn, sizes, { aspect, gaps, before }) {
  const groups = new Map();
  for (const id of [...drawn.nodes.keys()].sort()) {
    const { home } = drawn.nodes.get(id);
    if (!groups.has(home)) groups.set(home, { id: home, members: [] });
    groups.get(home).members.push(id);
  }
  const boxes = [...groups.values()];
  for (const box of boxes) Object.assign(box, within(box, drawn, sizes, gaps));
  const between = boxes.some((box) => box.framed) ? { gapX: 96, gapY: 34 } : { gapX: 120, gapY: 30 };
  // Outside stands in front of everything: most of what it does is to call in.
  const inside = boxes.filter((box) => box.id !== OUTSIDE);
  const reserve = groups.has(OUTSIDE) ? groups.get(OUTSIDE).width + between.gapX : 0;
  const links = linksBetween(inside, drawn, (id) => drawn.nodes.get(id).home);
  const columns = asBefore(before, inside, { aspect, ...between })
    ?? columnsOf(inside, links, { aspect, ...between, reserve }).map((column) => column.map((at) => inside[at]));
  const order = columns.map((column) => column.map((box) => box.id));
  if (groups.has(OUTSIDE)) columns.unshift([groups.get(OUTSIDE)]);
  return { ...placed(columns, between), columns: order };
}

/** The columns as they were, where it is only their boxes that grew or shrank, and not by much. */
function asBefore(before, boxes, { aspect, gapX, gapY }) {
  const found = new Map(boxes.map((box) => [box.id, box]));
  const homes = before?.flat() ?? [];
  if (homes.length !== boxes.length || !homes.every((home) => found.has(home))) return null;
  const columns = before.map((column) => column.map((home) => found.get(home)));
  const width = columns.reduce((sum, column) => sum + Math.max(...column.map((box) => box.width)) + gapX, 0);
  const height = Math.max(...columns.map((column) => heightOf(column, gapY)));
  const area = boxes.reduce((sum, box) => sum + (box.width + gapX) * (box.height + gapY), 0);
  const target = Math.sqrt(area / aspect);
  return Math.max(width / (target * aspect), height / target) < LOOSE ? columns : null;
}

/** Lay the members of a group out, in coordinates of its own. */
function within(box, drawn, sizes, gaps) {
  const [only] = box.members;
  const kind = drawn.nodes.get(only).kind;
  if (kind === "space" || kind === "outside") return { ...sizes.get(only), framed: false, inner: [] };
  const items = box.members.map((id) => ({ id, ...sizes.get(id) }));
  const links = linksBetween(items, drawn, (id) => id);
  const columns = columnsOf(items, links, gaps);
  const tallest = Math.max(...columns.map((column) => heightOf(column.map((at) => items[at]), gaps.gapY)));
  const inner = [];
  let x = PADDING;
  for (const column of columns) {
    const width = Math.max(...column.map((at) => items[at].width));
    let y = TITLE + (tallest - heightOf(column.map((at) => items[at]), gaps.gapY)) / 2;
    for (const at of column) {
      inner.push({ ...items[at], x, y, width });
      y += items[at].height + gaps.gapY;
    }
    x += width + gaps.gapX;
  }
  return { width: x - gaps.gapX + PADDING, height: TITLE + tallest + PADDING, framed: true, inner };
}

/** The links between boxes, with how many service-to-service edges each stands for. */
function linksBetween(boxes, drawn, boxOf) {
  const place = new Map(boxes.map((box, at) => [box.id, at]));
  const found = new Map();
  for (const link of drawn.links.values()) {
    const [from, to] = [place.get(boxOf(link.source)), place.get(boxOf(link.target))];
    if (from == null || to == null || from === to) continue;
    const key = from * boxes.length + to;
    if (!found.has(key)) found.set(key, { from, to, weight: 0 });
    found.get(key).weight += link.all.length;
  }
  return [...found.values()];
}

function placed(columns, { gapX, gapY }) {
  const [places, frames] = [new Map(), new Map()];
  let x = 0;
  for (const column of columns) {
    const width = Math.max(...column.map((box) => box.width));
    let y = -heightOf(column, gapY) / 2;
    for (const box of column) {
      const left = x + (width - box.width) / 2;
      const whole = { x: left, y, width: box.width, height: box.height };
      if (box.framed) frames.set(box.id, whole);
      else places.set(box.members[0], { ...whole, home: box.id });
      for (const { id, ...inner } of box.inner) {
        places.set(id, { x: left + inner.x, y: y + inner.y, width: inner.width, height: inner.height, home: box.id });
      }
      y += box.height + gapY;
    }
    x += width + gapX;
  }
  return { places, frames };
}

// ---- One service, or one namespace, and those it talks to ----

function around(focus, drawn, sizes) {
  const sides = { left: [], right: [] };
  const calls = new Set();
  const called = new Set();
  for (const { source, target } of drawn.links.values()) {
    if (source === focus.id) called.add(target);
    if (target === focus.id) calls.add(source);
  }
  for (const node of drawn.nodes.values()) {
    if (node.id === focus.id) continue;
    const left = calls.has(node.id) && !called.has(node.id);
    sides[left ? "left" : "right"].push(node);
  }
  const places = new Map();
  const own = sizes.get(focus.id);
  places.set(focus.id, { x: -own.width / 2, y: -own.height / 2, ...own, home: focus.home });
  beside(sides.left, sizes, places, -1, own.width / 2 + 170);
  beside(sides.right, sizes, places, 1, own.width / 2 + 170);
  return { places, frames: new Map() };
}

function beside(nodes, sizes, places, direction, distance) {
  const sorted = [...nodes].sort((a, b) => compare(a.space, b.space) || compare(a.id, b.id));
  const count = Math.ceil(sorted.length / MOST_ROWS);
  const rows = Math.ceil(sorted.length / Math.max(1, count));
  let x = distance;
  for (let column = 0; column < count; column += 1) {
    const members = sorted.slice(column * rows, (column + 1) * rows);
    const width = Math.max(...members.map(({ id }) => sizes.get(id).width));
    const step = sizes.get(members[0].id).height + 16;
    members.forEach(({ id, home }, at) => {
      const { height } = sizes.get(id);
      const y = (at - (members.length - 1) / 2) * step - height / 2 + (column % 2) * 8;
      places.set(id, { x: direction > 0 ? x : -x - width, y, width, height, home });
    });
    x += width + 60;
  }
}

// ---- What comes later ----

function fitted(previous, fresh, measure) {
  const copied = (places) => new Map([...places].map(([id, place]) => [id, { ...place }]));
  const [places, frames] = [copied(previous.places), copied(previous.frames)];
  for (const node of [...fresh].sort((a, b) => compare(a.id, b.id))) {
    const size = sizeOf(node, measure, previous.compact);
    const frame = frames.get(node.home);
    const spot = frame ? spotIn(node.home, size, places, frames) : spotBelow(size, places, frames);
    places.set(node.id, { ...spot, home: node.home });
  }
  return { ...previous, places, frames };
}

/** Find a free place in a frame, or make the frame taller. */
function spotIn(home, size, places, frames) {
  const frame = frames.get(home);
  const width = Math.min(size.width, frame.width - 2 * PADDING);
  for (let y = frame.y + TITLE; y + size.height <= frame.y + frame.height - PADDING + 1; y += 4) {
    for (let x = frame.x + PADDING; x + width <= frame.x + frame.width - PADDING + 1; x += 4) {
      const spot = { x, y, width, height: size.height };
      if (isFree(spot, places)) return spot;
    }
  }
  const more = size.height + WITHIN.gapY;
  const x = frame.x + PADDING;
  const column = [...frames.values(), ...places.values()].filter(inColumn(frame));
  const below = column.some((other) => other.y >= frame.y + frame.height);
  if (below && !column.some((other) => other.y + other.height <= frame.y)) {
    // The first of its column grows upwards: nothing is in its way.
    frame.y -= more;
    frame.height += more;
    return { x, y: frame.y + TITLE, width, height: size.height };
  }
  moveDown(frame, more, places, frames);
  frame.height += more;
  return { x, y: frame.y + frame.height - PADDING - size.height, width, height: size.height };
}

const inColumn = (frame) => ({ x, width }) => x < frame.x + frame.width && x + width > frame.x;

/** A frame between others moves what stands below it, and nothing else. */
function moveDown(frame, distance, places, frames) {
  const bottom = frame.y + frame.height;
  const isBeside = inColumn(frame);
  const isBelow = (other) => isBeside(other) && other.y >= bottom;
  const moved = new Set();
  for (const [home, other] of frames) {
    if (!isBelow(other)) continue;
    moved.add(home);
    other.y += distance;
  }
  for (const place of places.values()) {
    if (frames.has(place.home) ? moved.has(place.home) : isBelow(place)) place.y += distance;
  }
}

function spotBelow(size, places, frames) {
  const all = [...places.values(), ...frames.values()];
  const bottom = Math.max(0, ...all.map((place) => place.y + place.height));
  const left = Math.min(0, ...all.map((place) => place.x));
  for (let x = left; ; x += size.width + 40) {
    const spot = { x, y: bottom - size.height, width: size.width, height: size.height };
    if (isFree(spot, places) && isFree(spot, frames)) return spot;
  }
}

function isFree(spot, places) {
  for (const place of places.values()) {
    const apart = place.x > spot.x + spot.width + 6 || spot.x > place.x + place.width + 6
      || place.y > spot.y + spot.height + 6 || spot.y > place.y + place.height + 6;
    if (!apart) return false;
  }
  return true;
}

/** The rectangle that holds everything that is drawn. */
export function boundsOf({ places, frames }, drawn, routes) {
  const shown = [...drawn.nodes.values()];
  const boxes = [...shown.map((node) => places.get(node.id)), ...shown.map((node) => frames.get(node.home)).filter(Boolean)];
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const box of boxes) {
    left = Math.min(left, box.x);
    top = Math.min(top, box.y);
    right = Math.max(right, box.x + box.width);
    bottom = Math.max(bottom, box.y + box.height);
  }
  for (const { points } of routes.values()) {
    for (let at = 0; at < points.length; at += 2) {
      left = Math.min(left, points[at]);
      right = Math.max(right, points[at]);
    }
  }
  return { x: left, y: top, width: right - left, height: bottom - top };
}
