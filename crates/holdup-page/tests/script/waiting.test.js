// Who waits now: from JSON to what the panel shows.

import assert from "node:assert/strict";
import { test } from "node:test";
import { names } from "../../assets/js/names.js";
import { exact } from "../../assets/js/units.js";
import { readWaiting } from "../../assets/js/waiting.js";

const frame = (name, line) => ({ function: name, file: "/home/me/shop/src/serve.rs", line });
const stack = [
  frame("shop::store::lock", 3),
  frame("shop::serve::<impl Store<T>>::answer", 44),
  frame("std::sys::backtrace::__rust_begin_short_backtrace", 9),
  frame("clone3", null),
];
const waiter = (set = {}) => ({
  thread: 5, os_id: 4713, thread_name: "worker-3", waited_ns: 812000001, wants: "mutex", timed: false, stack, ...set,
});
const holder = (set = {}) => ({ thread: 3, os_id: 4711, thread_name: "janitor", held_ns: null, ...set });
const lock = (set = {}) => ({ name: "orders", address: "0x7f3a", held_by: "thread", holders: [holder()], waiters: [waiter()], ...set });
const read = (...locks) => readWaiting({ schema: 1, time_unix_ns: 1700000000e9, locks });

test("a lock has its holder, and its waiters in their order with how long, how and where", () => {
  const { locks, threads, time } = read(
    lock({ waiters: [waiter(), waiter({ thread_name: "worker-1", waited_ns: 5, wants: "read", timed: true, stack: [] })] }),
    lock({ name: "index" }),
  );
  assert.deepEqual([threads, time, locks.map(({ name }) => name)], [3, 1700000000e9, ["orders", "index"]]);
  const [{ lead, holders, waiters }] = locks;
  assert.deepEqual([lead, holders], ["held by", [{ who: "janitor", number: "(4711)", ns: null }]]);
  const [first, second] = waiters;
  assert.deepEqual([first.who, first.number, first.ns, first.wish], ["worker-3", "(4713)", 812000001, "to lock"]);
  // Who called the program's own way to lock; and nothing of std's.
  assert.match(names[first.name].text, /^shop::serve::.*answer$/);
  assert.equal(first.at, "src/serve.rs:44");
  assert.deepEqual(first.calls.map(({ at }) => at), ["src/serve.rs:3", "src/serve.rs:44"]);
  assert.deepEqual(
    [second.who, second.ns, second.wish, second.name, second.at],
    ["worker-1", 5, "to read, for a limited time", null, ""],
  );
});

test("who holds it is a thread, readers, or nobody yet", () => {
  const held = (set) => {
    const [{ lead, holders }] = read(lock(set)).locks;
    return [lead, ...holders.map(({ who, ns }) => [who, ns])];
  };
  assert.deepEqual(held({ holders: [holder({ held_ns: 7 })] }), ["held by", ["janitor", 7]]);
  assert.deepEqual(held({ held_by: "readers", holders: [] }), ["held by readers"]);
  assert.deepEqual(held({ held_by: "readers" }), ["held by readers, among them", ["janitor", null]]);
  assert.deepEqual(held({ held_by: "unknown", holders: [] }), ["held by nobody yet"]);
});

test("threads without a name have the system's number, or holdup's", () => {
  const who = (set) => {
    const [{ who: text, number }] = read(lock({ waiters: [waiter(set)] })).locks[0].waiters;
    return [text, number];
  };
  assert.deepEqual(who({ os_id: null }), ["worker-3", ""]);
  assert.deepEqual(who({ thread_name: null }), ["thread 4713", ""]);
  assert.deepEqual(who({ thread_name: null, os_id: null }), ["thread #5", ""]);
});

test("many are counted, and not all listed", () => {
  const crowd = Array(30).fill(waiter());
  const { locks, moreLocks, threads } = read(...Array(25).fill(lock({ waiters: crowd })));
  assert.deepEqual([locks.length, moreLocks, threads], [20, 5, 750]);
  assert.deepEqual([locks[0].waiters.length, locks[0].moreWaiters], [20, 10]);
  assert.deepEqual(read(), { time: 1700000000e9, threads: 0, locks: [], moreLocks: 0 });
});

test("names that turn text are shown as such, times that are none are not", () => {
  const [strange] = read(lock({ name: "a\u202eb", waiters: [waiter({ waited_ns: "x", thread_name: "c\nd", wants: "e\u0007" })] })).locks;
  const [{ who, ns, wish }] = strange.waiters;
  assert.deepEqual([strange.name, who, ns, wish], ["a\ufffdb", "c\ufffdd", 0, "e\ufffd"]);
});

test("what is something else is said", () => {
  assert.throws(() => readWaiting(null), /no JSON object/);
  assert.throws(() => readWaiting({ schema: 2, locks: [] }), /version 2; this page knows 1/);
  assert.throws(() => readWaiting({ schema: 1 }), /no list of locks/);
  assert.throws(() => read({ name: "x", holders: [] }), /no list of waiters/);
  assert.throws(() => read(null), /no list of waiters/);
});

test("exact times have microseconds", () => {
  assert.deepEqual([0, 1499, 812000001, 2036594172, 98765432100000, null].map(exact), [
    "0.000 ms", "0.001 ms", "812.000 ms", "2,036.594 ms", "98,765,432.100 ms", "–",
  ]);
});
