// Stacks merged into a tree: lock, then calls from the outermost to the one
// that ended the critical section. For one profile or for two, before and after.
//
// All of a tree is in flat arrays, numbered so that a node comes before what is
// below it: the nodes below `n` are those from `n + 1` to `end[n] - 1`. Node 0
// is the whole. Built by sorting, without a map for each node: 10,000 stacks
// take some tens of milliseconds.

// `entries` are { path: numbers of names, outermost first; values: one number
// for each of `slots` profiles }. What a node keeps:
// name, parent, depth, end, and for each slot: total, self, start (where it
// begins when all is drawn from 0 to the total of node 0).
export function buildTree(entries, slots = 1) {
  const order = [...entries.keys()].sort((a, b) => comparedPaths(entries[a].path, entries[b].path));
  const draft = { name: [-1], parent: [-1], depth: [0], self: [] };
  for (let slot = 0; slot < slots; slot += 1) draft.self.push([0]);
  const leaf = new Int32Array(entries.length);
  // The nodes of the path before; this one shares the beginning of it.
  let open = [0];
  let before = [];
  for (const index of order) {
    const { path, values } = entries[index];
    let common = 0;
    while (common < path.length && path[common] === before[common]) common += 1;
    open.length = common + 1;
    for (let at = common; at < path.length; at += 1) {
      const node = draft.name.length;
      draft.name.push(path[at]);
      draft.parent.push(open[at]);
      draft.depth.push(at + 1);
      for (const self of draft.self) self.push(0);
      open.push(node);
    }
    const node = open[path.length];
    for (let slot = 0; slot < slots; slot += 1) draft.self[slot][node] += values[slot];
    leaf[index] = node;
    before = path;
  }
  return numbered(draft, leaf, slots);
}

function comparedPaths(a, b) {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    if (a[at] !== b[at]) return a[at] - b[at];
  }
  return a.length - b.length;
}

// Gives the nodes their final numbers: of siblings the largest comes first.
function numbered(draft, leaf, slots) {
  const size = draft.name.length;
  const totals = draft.self.map((self) => Float64Array.from(self));
  for (let node = size - 1; node > 0; node -= 1) {
    for (const total of totals) total[draft.parent[node]] += total[node];
  }
  const weight = new Float64Array(size);
  for (const total of totals) {
    for (let node = 0; node < size; node += 1) weight[node] += total[node];
  }
  const children = Array.from({ length: size }, () => null);
  for (let node = 1; node < size; node += 1) (children[draft.parent[node]] ??= []).push(node);
  const tree = {
    size,
    name: new Int32Array(size),
    parent: new Int32Array(size),
    depth: new Int32Array(size),
    end: new Int32Array(size),
    total: totals.map(() => new Float64Array(size)),
    self: totals.map(() => new Float64Array(size)),
    start: totals.map(() => new Float64Array(size)),
    leaf: new Int32Array(leaf.length),
    deepest: 0,
  };
  const final = new Int32Array(size);
  const waiting = [0];
  let next = 0;
  while (waiting.length > 0) {
    const from = waiting.pop();
    const node = next;
    next += 1;
    final[from] = node;
    tree.name[node] = draft.name[from];
    tree.parent[node] = from === 0 ? -1 : final[draft.parent[from]];
    tree.depth[node] = draft.depth[from];
    tree.deepest = Math.max(tree.deepest, draft.depth[from]);
    for (let slot = 0; slot < slots; slot += 1) {
      tree.total[slot][node] = totals[slot][from];
      tree.self[slot][node] = draft.self[slot][from];
    }
    if (children[from]) {
      children[from].sort((a, b) => weight[b] - weight[a] || draft.name[a] - draft.name[b]);
      for (let at = children[from].length - 1; at >= 0; at -= 1) waiting.push(children[from][at]);
    }
  }
  leaf.forEach((from, index) => {
    tree.leaf[index] = final[from];
  });
  tree.end.fill(0);
  for (let node = size - 1; node >= 0; node -= 1) {
    tree.end[node] = Math.max(tree.end[node], node + 1);
    const parent = tree.parent[node];
    if (parent >= 0) tree.end[parent] = Math.max(tree.end[parent], tree.end[node]);
  }
  for (let slot = 0; slot < slots; slot += 1) layOut(tree, slot);
  return tree;
}

// Where each node begins: after the siblings before it.
function layOut(tree, slot) {
  const [start, total] = [tree.start[slot], tree.total[slot]];
  const filled = new Float64Array(tree.size);
  for (let node = 1; node < tree.size; node += 1) {
    const parent = tree.parent[node];
    start[node] = start[parent] + filled[parent];
    filled[parent] += total[node];
  }
}

// The names from below the whole down to `node`.
export function pathOf(tree, node) {
  const path = [];
  for (let at = node; at > 0; at = tree.parent[at]) path.push(tree.name[at]);
  return path.reverse();
}

// The node at the end of `path`, or as far down as the path is there.
export function findPath(tree, path, whole = true) {
  let node = 0;
  for (const name of path) {
    let child = node + 1;
    while (child < tree.end[node] && tree.name[child] !== name) child = tree.end[child];
    if (child >= tree.end[node]) return whole ? -1 : node;
    node = child;
  }
  return node;
}

// What the nodes whose names are in `matched` have together, counting what is
// below a match only once.
export function matchedShare(tree, slot, matched) {
  let sum = 0;
  let node = 1;
  while (node < tree.size) {
    if (matched[tree.name[node]]) {
      sum += tree.total[slot][node];
      node = tree.end[node];
    } else {
      node += 1;
    }
  }
  return sum;
}
