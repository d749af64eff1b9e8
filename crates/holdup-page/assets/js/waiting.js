// Who waits right now, as the page shows it: read from the form that docs/json.md
// describes, and checked.

import { enter, isStartOfThread, place, shown } from "./names.js";
import { Unreadable } from "./model.js";
import { waitingFrame } from "./view.js";

// More are counted, and not listed.
const mostLocks = 20;
const mostWaiters = 20;

const wishes = {
  mutex: "to lock", write: "to write", read: "to read",
  upgradable: "to read, upgradable", upgrade: "to upgrade",
};

// { time, threads, locks, moreLocks }; a lock is { name, address, lead, holders,
// waiters, moreWaiters }, with `lead` before the holders: all that is known if
// there are none.
export function readWaiting(json) {
  if (json === null || typeof json !== "object") throw new Unreadable("it is no JSON object");
  if (json.schema !== 1) {
    throw new Unreadable(`its form has the version ${String(json.schema)}; this page knows 1`);
  }
  const locks = list(json, "locks").map(lockOf);
  return {
    time: json.time_unix_ns ?? 0,
    threads: locks.reduce((sum, lock) => sum + lock.waiters.length + lock.moreWaiters, 0),
    locks: locks.slice(0, mostLocks),
    moreLocks: Math.max(0, locks.length - mostLocks),
  };
}

function lockOf(raw) {
  const waiters = list(raw, "waiters");
  const holders = list(raw, "holders").map((holder) => ({ ...threadOf(holder), ns: duration(holder.held_ns) }));
  return {
    name: shown(raw.name ?? "") || "(no name)",
    address: shown(raw.address ?? ""),
    lead: leadOf(raw.held_by, holders.length),
    holders: holders.slice(0, mostWaiters),
    waiters: waiters.slice(0, mostWaiters).map(waiterNow),
    moreWaiters: Math.max(0, waiters.length - mostWaiters),
  };
}

function leadOf(heldBy, holders) {
  if (heldBy === "readers") return holders > 0 ? "held by readers, among them" : "held by readers";
  return holders > 0 ? "held by" : "held by nobody yet";
}

function waiterNow(raw) {
  const wish = wishes[raw.wants] ?? shown(raw.wants ?? "");
  return {
    ...threadOf(raw),
    ns: duration(raw.waited_ns) ?? 0,
    wish: raw.timed ? `${wish}, for a limited time` : wish,
    ...whereOf(list(raw, "stack")),
  };
}

// What a thread is called: its name with the number that debuggers show, or one of
// its numbers.
function threadOf(raw) {
  const { thread_name: name, os_id: osId, thread } = raw;
  if (name) return { who: shown(name), number: osId === null || osId === undefined ? "" : `(${shown(osId)})` };
  return { who: osId === null || osId === undefined ? `thread #${shown(thread)}` : `thread ${shown(osId)}`, number: "" };
}

// The function and the line in which it waits, and the calls that led there, innermost
// first, one in each line; empty where that is not known.
function whereOf(stack) {
  const start = stack.findIndex((call) => isStartOfThread(String(call.function)));
  const calls = start > 0 ? stack.slice(0, start) : stack;
  const frames = calls.map((call) => ({ name: enter("function", String(call.function)), at: place(call.file, call.line) }));
  const path = [...frames.keys()].reverse();
  const index = waitingFrame(path, frames);
  return {
    name: index === null ? null : frames[index].name,
    at: index === null ? "" : frames[index].at,
    calls: frames,
  };
}

function list(raw, what) {
  if (!Array.isArray(raw?.[what])) throw new Unreadable(`it has no list of ${what}`);
  return raw[what];
}

function duration(ns) {
  return Number.isFinite(ns) && ns >= 0 ? ns : null;
}
