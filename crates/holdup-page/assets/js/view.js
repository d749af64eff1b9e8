// What is shown, worked out of one profile or two: the tree of the flame graph,
// the rows of the tables, and what belongs to a choice.

import { names } from "./names.js";
import { noteOf, handoffText } from "./model.js";
import { buildTree, findPath, pathOf } from "./tree.js";

// `metric` is "delay" or "count". `before` may be null. With `even`, what was
// before is scaled to the same length of time.
export function makeView(after, before, metric, even) {
  const scale = before && even && before.duration > 0 && after.duration > 0 ? after.duration / before.duration : 1;
  const entries = [];
  const slots = before ? 2 : 1;
  const add = (profile, slot, factor) => {
    for (const sample of profile.samples) {
      const value = sample[metric] * factor;
      const tail = sample.path ? sample.path.map((index) => profile.frames[index].name) : [noteOf(sample)];
      const values = slots === 1 ? [value] : slot === 0 ? [value, 0] : [0, value];
      entries.push({ path: [sample.lock.name, ...tail], values, sample, profile, slot, value });
    }
  };
  add(after, 0, 1);
  if (before) add(before, 1, scale);
  const tree = buildTree(entries, slots);
  // What is worked out of it only once: see main.js.
  const culprits = new Map();
  return { after, before, scale, metric, entries, tree, culprits, legend: null };
}

// One row for each function that ended critical sections others waited for.
// `lock` limits them to a lock.
export function culpritRows(view, lock = null) {
  const rows = new Map();
  let all = 0;
  for (const { path, sample, slot, value } of view.entries) {
    if (lock !== null && sample.lock.name !== lock) continue;
    if (slot === 0) all += value;
    if (sample.kind === "handoff") continue;
    const id = path[path.length - 1];
    let row = rows.get(id);
    if (!row) {
      row = { key: id, name: names[id], title: names[id].text, value: 0, before: 0, count: 0, locks: new Set() };
      rows.set(id, row);
    }
    if (slot === 0) {
      row.value += value;
      row.count += sample.count;
    } else {
      row.before += value;
    }
    row.locks.add(names[sample.lock.name].text);
  }
  // Where a table's order leaves rows equal, they stay in this one.
  const list = [...rows.values()].sort((a, b) => b.value + b.before - (a.value + a.before));
  for (const row of list) row.all = all;
  return list;
}

// One row for each lock. `history` tells how it went with each over time.
export function lockRows(view, history) {
  const rows = new Map();
  const row = (lock) => {
    if (!rows.has(lock.name)) {
      rows.set(lock.name, { key: lock.name, name: names[lock.name], title: names[lock.name].text, now: null, before: null });
    }
    return rows.get(lock.name);
  };
  for (const lock of view.after.locks) row(lock).now = lock;
  if (view.before) for (const lock of view.before.locks) row(lock).before = scaled(lock, view.scale);
  const list = [...rows.values()];
  const most = Math.max(...list.map((one) => one.now?.waited_ns ?? 0), 1);
  for (const one of list) Object.assign(one, { most, history: history.get(one.key) ?? [] });
  return list;
}

// Sums grow with the time that a profile covers; percentiles do not.
function scaled(lock, factor) {
  const copy = { ...lock };
  for (const key of ["contentions", "waits", "waited_ns", "blamed_ns", "handoff_ns", "handoffs", "spun_ns", "spins"]) {
    copy[key] = lock[key] === null ? null : lock[key] * factor;
  }
  return copy;
}

// What each module is blamed for, or what was waited for each lock.
export function weights(view, by) {
  const sums = new Map();
  const add = (name, value) => sums.set(name, (sums.get(name) ?? 0) + value);
  for (const { path, value, slot } of view.entries) {
    const name = names[by === "lock" ? path[0] : path[path.length - 1]];
    if (slot === 0 && name.kind !== "note") add(by === "lock" ? name.text : name.module, value);
  }
  return sums;
}

// The nodes that a choice marks. A choice is { kind: "path", path }, or
// { kind: "function" or "lock", name }.
export function nodesOf(view, choice) {
  const { tree } = view;
  if (choice === null) return [];
  if (choice.kind !== "function") {
    const node = findPath(tree, choice.kind === "lock" ? [choice.name] : choice.path);
    return node >= 0 ? [node] : [];
  }
  const nodes = new Set();
  view.entries.forEach(({ path, value }, index) => {
    if (path[path.length - 1] === choice.name && value > 0) nodes.add(tree.leaf[index]);
  });
  return [...nodes];
}

// The samples that a choice covers: what it caused itself and in its calls.
export function entriesOf(view, choice) {
  const { tree, entries } = view;
  if (choice === null) return [];
  if (choice.kind === "function") return entries.filter(({ path }) => path[path.length - 1] === choice.name);
  const [node] = nodesOf(view, choice);
  if (node === undefined) return [];
  return entries.filter((_, index) => tree.leaf[index] >= node && tree.leaf[index] < tree.end[node]);
}

// The longest waits that a choice caused; all of them without one.
export function longestOf(view, choice) {
  const { longest, frames } = view.after;
  if (choice === null) return longest;
  if (choice.kind === "lock") return longest.filter((wait) => wait.lock.name === choice.name);
  return longest.filter((wait) => {
    const path = [wait.lock.name, ...(wait.culprit ?? []).map((index) => frames[index].name)];
    if (choice.kind === "function") return path.length > 1 && path[path.length - 1] === choice.name;
    return choice.path.every((name, at) => path[at] === name);
  });
}

// Sums `entries` by what `key` says of them, largest first: [key, value].
export function summed(entries, key) {
  const sums = new Map();
  for (const entry of entries) {
    if (entry.slot !== 0) continue;
    const of = key(entry);
    if (of !== null) sums.set(of, (sums.get(of) ?? 0) + entry.value);
  }
  return [...sums].filter(([, value]) => value > 0).sort((a, b) => b[1] - a[1]);
}

// What programs call the functions of their own that do nothing but wait.
const wrappers = new Set(["lock", "read", "write", "acquire", "with_lock"]);

// The function that stands for a stack of somebody who waited. Null for no stack.
export function waiterOf(path, frames) {
  const frame = waitingFrame(path, frames);
  return frame === null ? null : frames[frame].name;
}

// The index of its frame: the innermost, or the one that called it if that is only
// a way to lock.
export function waitingFrame(path, frames) {
  if (path === null || path.length === 0) return null;
  let at = path.length - 1;
  while (at > 0 && wrappers.has(names[frames[path[at]].name].last)) at -= 1;
  return path[at];
}

// The stacks of those who waited, as a tree of its own.
export function victimTree(entries) {
  const own = entries
    .filter(({ sample, slot }) => slot === 0 && sample.victim !== null)
    .map(({ sample, profile, value }) => ({
      path: sample.victim.map((index) => profile.frames[index].name),
      values: [value],
    }));
  return buildTree(own);
}

// What can be said of a node in a line or two.
export function described(view, node, slot = 0) {
  const { tree } = view;
  const path = pathOf(tree, node);
  return {
    name: node === 0 ? null : names[tree.name[node]],
    lock: path.length > 0 ? names[path[0]].text : "",
    total: tree.total[slot][node],
    self: tree.self[slot][node],
    whole: tree.total[slot][0],
    before: view.before ? tree.total[1][node] : null,
    after: tree.total[0][node],
    isHandoff: node > 0 && names[tree.name[node]].text === handoffText,
  };
}
