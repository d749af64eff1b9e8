// How much was waited for each lock from one profile to the next.

import { sameRun } from "./model.js";

const longest = 90;

// From profiles in the order of their time: for each lock, what was waited for
// it in each second, in each of them. Of profiles that go on from one another,
// what came on top.
export function historyOf(profiles) {
  const rows = new Map();
  profiles.forEach((profile, index) => {
    const before = index > 0 && sameRun(profiles[index - 1], profile) ? profiles[index - 1] : null;
    addPoint(rows, index, profile, before);
  });
  return rows;
}

function addPoint(rows, index, profile, before) {
  const seconds = (profile.duration - (before?.duration ?? 0)) / 1e9;
  const known = new Map(before?.locks.map((lock) => [lock.name, lock.waited_ns ?? 0]));
  for (const lock of profile.locks) {
    if (lock.waited_ns === null || !(seconds > 0)) continue;
    if (!rows.has(lock.name)) rows.set(lock.name, Array(index).fill(0));
    const row = rows.get(lock.name);
    while (row.length < index) row.push(0);
    row.push(Math.max(0, lock.waited_ns - (known.get(lock.name) ?? 0)) / seconds);
  }
}

// The same for profiles that come one after another, without keeping them all.
export class History {
  constructor() {
    this.rows = new Map();
    this.points = 0;
    this.last = null;
  }

  add(profile) {
    // The first says how it was since the start, not how it is now.
    if (this.last !== null && sameRun(this.last, profile)) {
      addPoint(this.rows, this.points, profile, this.last);
      this.points += 1;
      for (const row of this.rows.values()) {
        while (row.length < this.points) row.push(0);
        if (row.length > longest) row.shift();
      }
      this.points = Math.min(this.points, longest);
    }
    this.last = profile;
  }
}
