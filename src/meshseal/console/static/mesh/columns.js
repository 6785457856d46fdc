// Puts boxes into columns so that calls go from left to right: the same boxes and links give the
// same places, whatever the traffic. Boxes have `id`, `width`, `height`; links `from`, `to` (places
// in the list of boxes) and `weight`. `reserve` is a width that something else takes
// beside them; the higher `strict`, the fewer links stay inside a column, whatever the shape.
const SWEEPS = 12;
const SETTLING = 120;
const MOST_COLUMNS = 14;

/** Return the boxes in columns: a list of lists of places, each column from top to bottom. */
export function columnsOf(boxes, links, { aspect, gapX, gapY, reserve = 0, strict = 1 }) {
  if (boxes.length < 2) return boxes.map((_, at) => [at]);
  const levels = levelsOf(boxes.length, links);
  const order = boxes.map((_, at) => at).sort((a, b) => levels[a] - levels[b] || compare(boxes[a].id, boxes[b].id));
  const inside = linksInside(order, links);
  let best = null;
  for (let count = 1; count <= Math.min(MOST_COLUMNS, boxes.length); count += 1) {
    const cuts = cutInto(order, boxes, inside, count, { aspect, gapX, gapY, reserve, strict });
    if (!best || cuts.cost < best.cost) best = cuts;
  }
  const columns = best.cuts.slice(1).map((end, at) => order.slice(best.cuts[at], end));
  return untangled(columns, boxes, links, gapY);
}

/** Each box's level: as far as can be, one more than those that call it, one less than those it calls. */
function levelsOf(count, links) {
  const levels = new Float64Array(count);
  const sums = new Float64Array(count);
  const weights = new Float64Array(count);
  for (let turn = 0; turn < SETTLING; turn += 1) {
    sums.fill(0);
    weights.fill(0);
    for (const { from, to, weight } of links) {
      sums[to] += weight * (levels[from] + 1);
      sums[from] += weight * (levels[to] - 1);
      weights[to] += weight;
      weights[from] += weight;
    }
    for (let at = 0; at < count; at += 1) {
      if (weights[at]) levels[at] = 0.3 * levels[at] + 0.7 * (sums[at] / weights[at]);
    }
  }
  // Rounded, so that the order does not hang on the last digits.
  return levels.map((level) => Math.round(level * 1e6) / 1e6);
}

/** Return `inside(i, j)`: the share of links between the boxes from i to j in the order. */
function linksInside(order, links) {
  const size = order.length + 1;
  const place = new Int32Array(order.length);
  order.forEach((box, at) => (place[box] = at));
  const sums = new Float64Array(size * size);
  for (const { from, to } of links) {
    const [low, high] = place[from] < place[to] ? [place[from], place[to]] : [place[to], place[from]];
    sums[(low + 1) * size + high + 1] += 1;
  }
  for (let i = 1; i < size; i += 1) {
    for (let j = 1; j < size; j += 1) {
      sums[i * size + j] += sums[(i - 1) * size + j] + sums[i * size + j - 1] - sums[(i - 1) * size + j - 1];
    }
  }
  const all = Math.max(1, links.length);
  return (i, j) => (sums[j * size + j] - sums[i * size + j] - sums[j * size + i] + sums[i * size + i]) / all;
}

/** Cut the order into `count` columns of about the same height, with few links inside a column. */
function cutInto(order, boxes, inside, count, { aspect, gapX, gapY, reserve, strict }) {
  const size = order.length;
  const heights = [0];
  const area = boxes.reduce((sum, box) => sum + (box.width + gapX) * (box.height + gapY), 0);
  for (const at of order) heights.push(heights.at(-1) + boxes[at].height + gapY);
  const target = Math.sqrt(area / aspect);
  const dislike = strict * (0.4 + 6 / size);
  const even = heights[size] / count;
  const costs = [new Float64Array(size + 1).fill(Infinity)];
  const starts = [];
  costs[0][0] = 0;
  for (let column = 1; column <= count; column += 1) {
    costs.push(new Float64Array(size + 1).fill(Infinity));
    starts.push(new Int32Array(size + 1));
    for (let end = column; end <= size; end += 1) {
      for (let start = column - 1; start < end; start += 1) {
        const tall = (heights[end] - heights[start]) / Math.max(even, target * 0.8);
        const cost = costs[column - 1][start] + (tall * tall) / count + dislike * inside(start, end);
        if (cost >= costs[column][end]) continue;
        costs[column][end] = cost;
        starts[column - 1][end] = start;
      }
    }
  }
  const cuts = [size];
  for (let column = count; column > 0; column -= 1) cuts.unshift(starts[column - 1][cuts[0]]);
  const shape = shapeOf(cuts, order, boxes, heights, gapX);
  const off = Math.max((shape.width - gapX + reserve) / (target * aspect), (shape.height - gapY) / target);
  return { cuts, cost: costs[count][size] + 2 * off * off };
}

function shapeOf(cuts, order, boxes, heights, gapX) {
  let [width, height] = [0, 0];
  for (let at = 1; at < cuts.length; at += 1) {
    const members = order.slice(cuts[at - 1], cuts[at]);
    width += Math.max(...members.map((box) => boxes[box].width)) + gapX;
    height = Math.max(height, heights[cuts[at]] - heights[cuts[at - 1]]);
  }
  return { width, height };
}

/** Order each column so that boxes stand beside those they are linked with. */
function untangled(columns, boxes, links, gapY) {
  const near = boxes.map(() => []);
  for (const { from, to, weight } of links) {
    near[from].push([to, weight]);
    near[to].push([from, weight]);
  }
  const middle = new Float64Array(boxes.length);
  const stack = (column) => {
    let top = -heightOf(column.map((at) => boxes[at]), gapY) / 2;
    for (const at of column) {
      middle[at] = top + boxes[at].height / 2;
      top += boxes[at].height + gapY;
    }
  };
  let current = columns.map((column) => [...column].sort((a, b) => compare(boxes[a].id, boxes[b].id)));
  current.forEach(stack);
  for (let turn = 0; turn < SWEEPS; turn += 1) {
    const sweep = turn % 2 ? [...current].reverse() : current;
    for (const column of sweep) {
      const wanted = new Map(column.map((at) => [at, pull(near[at], middle, middle[at])]));
      column.sort((a, b) => wanted.get(a) - wanted.get(b) || compare(boxes[a].id, boxes[b].id));
      stack(column);
    }
  }
  return current;
}

function pull(near, middle, own) {
  let [sum, weights] = [0, 0];
  for (const [other, weight] of near) {
    sum += middle[other] * weight;
    weights += weight;
  }
  return weights ? sum / weights : own;
}

/** The height of boxes above one another. */
export function heightOf(boxes, gapY) {
  return boxes.reduce((sum, box) => sum + box.height + gapY, -gapY);
}

export function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}
