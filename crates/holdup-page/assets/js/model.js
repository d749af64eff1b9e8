// A profile as the page works with it: read from the form that docs/json.md
// describes, checked, with names entered and stacks turned outermost first.

import { enter, isStartOfThread } from "./names.js";

export const handoffText = "[handoff: nobody held the lock]";
const notes = {
  blame: "[blame: the stack is unknown]",
  handoff: handoffText,
  lost: "[lost: there was no room for the stack]",
};

const sums = [
  "contentions", "waits", "waited_ns", "blamed_ns", "handoff_ns", "handoffs", "spun_ns", "spins",
];
const shapes = ["longest_ns", "p50_ns", "p90_ns", "p99_ns", "p999_ns"];

// Says in one line what is wrong with a profile.
export class Unreadable extends Error {}

export function readProfile(json, title) {
  if (json === null || typeof json !== "object") throw new Unreadable("it is no JSON object");
  if (json.schema !== 1) {
    throw new Unreadable(`its form has the version ${String(json.schema)}; this page knows 1`);
  }
  for (const list of ["locks", "frames", "stacks", "samples", "longest"]) {
    if (!Array.isArray(json[list])) throw new Unreadable(`it has no list of ${list}`);
  }
  const frames = json.frames.map((frame) => ({
    name: enter("function", String(frame.function)),
    start: isStartOfThread(String(frame.function)),
    file: frame.file ?? "",
    line: frame.line ?? 0,
  }));
  const stacks = json.stacks.map((stack) => program(stack, frames));
  const locks = json.locks.map(readLock);
  const samples = json.samples.map((sample) => ({
    kind: notes[sample.kind] ? sample.kind : "blame",
    lock: at(locks, sample.lock, "lock"),
    path: optional(stacks, sample.stack, "stack"),
    victim: optional(stacks, sample.victim, "stack"),
    count: number(sample.count),
    delay: number(sample.delay_ns),
  }));
  const longest = json.longest.map((wait) => ({
    lock: at(locks, wait.lock, "lock"),
    wait: number(wait.wait_ns),
    culprit: optional(stacks, wait.culprit, "stack"),
    victim: optional(stacks, wait.victim, "stack"),
    culpritThread: String(wait.culprit_thread ?? ""),
    victimThread: String(wait.victim_thread ?? ""),
    time: wait.time_unix_ns ?? 0,
  }));
  longest.sort((a, b) => b.wait - a.wait);
  return {
    title,
    time: json.time_unix_ns ?? 0,
    duration: number(json.duration_ns),
    period: number(json.period_ns),
    frames,
    locks,
    samples,
    longest,
  };
}

function readLock(raw) {
  const lock = { name: enter("lock", String(raw.name)) };
  for (const key of [...sums, ...shapes]) lock[key] = raw[key] ?? null;
  for (const key of ["wait_histogram", "hold_histogram"]) {
    lock[key] = Array.isArray(raw[key]) ? raw[key] : [];
  }
  return lock;
}

function number(value) {
  return Number.isFinite(value) && value > 0 ? value : 0;
}

function at(table, index, what) {
  if (!Number.isInteger(index) || index < 0 || index >= table.length) {
    throw new Unreadable(`it refers to ${what} ${String(index)}, which is not there`);
  }
  return table[index];
}

function optional(table, index, what) {
  return index === null || index === undefined ? null : at(table, index, what);
}

// The indexes of a stack's frames, outermost first, without std's start of the thread.
function program(stack, frames) {
  let length = stack.length;
  for (let index = 0; index < stack.length; index += 1) {
    if (at(frames, stack[index], "frame").start && index > 0 && length === stack.length) {
      length = index;
    }
  }
  return stack.slice(0, length).reverse();
}

// The name that stands for a sample without a stack.
export function noteOf(sample) {
  return enter("note", notes[sample.kind]);
}

// The exact sums over all locks.
export function totals(profile) {
  const all = Object.fromEntries(sums.map((key) => [key, 0]));
  let longest = null;
  for (const lock of profile.locks) {
    for (const key of sums) all[key] += lock[key] ?? 0;
    if (lock.longest_ns !== null) longest = Math.max(longest ?? 0, lock.longest_ns);
  }
  return { ...all, longest_ns: longest };
}

// What happened after `earlier`, a profile of the same run. Percentiles and the
// longest waits cannot be subtracted: histograms can, and tell the percentiles.
export function since(later, earlier) {
  const known = byKey(earlier);
  const samples = [];
  for (const [key, sample] of byKey(later)) {
    const before = known.get(key);
    const count = sample.count - (before?.count ?? 0);
    const delay = sample.delay - (before?.delay ?? 0);
    if (count > 0 || delay > 0) {
      samples.push({ ...sample, count: Math.max(0, count), delay: Math.max(0, delay) });
    }
  }
  samples.sort((a, b) => b.delay - a.delay);
  const classes = new Map(earlier.locks.map((lock) => [lock.name, lock]));
  const byName = new Map();
  for (const lock of later.locks) {
    const before = classes.get(lock.name);
    const left = { ...lock };
    if (before) {
      for (const key of sums) {
        left[key] = lock[key] === null ? null : Math.max(0, lock[key] - (before[key] ?? 0));
      }
      left.wait_histogram = histogramSince(lock.wait_histogram, before.wait_histogram);
      left.hold_histogram = histogramSince(lock.hold_histogram, before.hold_histogram);
      Object.assign(left, percentiles(left.wait_histogram, lock));
    }
    byName.set(lock.name, left);
  }
  for (const sample of samples) sample.lock = byName.get(sample.lock.name) ?? sample.lock;
  return {
    ...later,
    samples,
    locks: [...byName.values()],
    longest: later.longest.filter((wait) => wait.time > earlier.time),
    duration: Math.max(0, later.duration - earlier.duration),
  };
}

// The samples by what they say, whatever the indexes are in their profile.
function byKey(profile) {
  const texts = new Map();
  const text = (path) => {
    if (path === null) return "-";
    let found = texts.get(path);
    if (found === undefined) {
      const frame = (index) => `${profile.frames[index].name}:${profile.frames[index].line}`;
      found = path.map(frame).join();
      texts.set(path, found);
    }
    return found;
  };
  const found = new Map();
  for (const sample of profile.samples) {
    const key = `${sample.kind} ${sample.lock.name} ${text(sample.path)} ${text(sample.victim)}`;
    const same = found.get(key);
    found.set(
      key,
      same
        ? { ...same, count: same.count + sample.count, delay: same.delay + sample.delay }
        : sample,
    );
  }
  return found;
}

function histogramSince(now, before) {
  const known = new Map(before);
  return now
    .map(([upper, number]) => [upper, Math.max(0, number - (known.get(upper) ?? 0))])
    .filter(([, number]) => number > 0);
}

function percentiles(histogram, lock) {
  const all = histogram.reduce((sum, [, number]) => sum + number, 0);
  // Without a histogram nobody knows what the waits since then were like.
  const known = lock.wait_histogram.length > 0 && all > 0;
  const of = (part) => {
    let seen = 0;
    for (const [upper, number] of histogram) {
      seen += number;
      if (seen >= part * all) return upper;
    }
    return null;
  };
  return {
    longest_ns: known ? Math.min(histogram[histogram.length - 1][0], lock.longest_ns ?? Infinity) : null,
    p50_ns: known ? of(0.5) : null,
    p90_ns: known ? of(0.9) : null,
    p99_ns: known ? of(0.99) : null,
    p999_ns: known ? of(0.999) : null,
  };
}

// Whether `later` goes on where `earlier` was taken: both count from one start.
export function sameRun(earlier, later) {
  const start = (profile) => profile.time - profile.duration;
  return (
    earlier.duration > 0 &&
    later.duration > earlier.duration &&
    Math.abs(start(later) - start(earlier)) < 1e9
  );
}
