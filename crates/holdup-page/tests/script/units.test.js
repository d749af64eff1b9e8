// The parts of the script that need no browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { change, count, ratio, share, time } from "../../assets/js/units.js";
import { enter, names, place, shown, withoutTypeArguments } from "../../assets/js/names.js";
import { since } from "../../assets/js/model.js";
import { readProfile } from "../../assets/js/model.js";
import { buildTree, findPath, matchedShare, pathOf } from "../../assets/js/tree.js";
import { waiterOf } from "../../assets/js/view.js";
import { historyOf } from "../../assets/js/history.js";
import { shop } from "../browser/profiles.js";

test("times have three digits and the unit that suits them, as the command writes them", () => {
  for (const [ns, text] of [
    [null, "–"], [0, "0"], [1, "1 ns"], [999, "999 ns"], [1000, "1.00 µs"], [9994, "9.99 µs"],
    [9996, "10.0 µs"], [99949, "99.9 µs"], [99960, "100 µs"], [999499, "999 µs"], [999500, "1.00 ms"],
    [12345678, "12.3 ms"], [999600000, "1.00 s"], [1500000000, "1.50 s"],
    [123456e9, "123,456 s"], [1e15, "12 d"], [-5e6, "−5.00 ms"],
  ]) {
    assert.equal(time(ns), text, String(ns));
  }
});

test("counts, shares and changes read well", () => {
  assert.deepEqual([0, 999, 1000, 1234567, 12345678, 3.2e12, null].map(count), ["0", "999", "1,000", "1,234,567", "12.3 M", "3.20 T", "–"]);
  assert.deepEqual([share(1, 3), share(1, 1e6), share(0, 5), share(1, 0)], ["33.3 %", "< 0.1 %", "0.0 %", "–"]);
  assert.deepEqual([change(1e6, 3e6, time), change(3e6, 1e6, time), change(5, 5, count)], ["+2.00 ms", "−2.00 ms", "0"]);
  assert.deepEqual(
    [ratio(1, 2), ratio(2, 1), ratio(0, 5), ratio(5, 0), ratio(0, 0), ratio(100, 104), ratio(1, 1e4)],
    ["× 2.0", "−50 %", "new", "gone", "–", "+4.0 %", "× 10,000"],
  );
});

test("type arguments are left out, as the command does", () => {
  for (const [name, short] of [
    ["shop::sort", "shop::sort"],
    ["drop<holdup::raw_mutex::RawMutex, u32>", "drop"],
    ["{closure#1}<a::{closure_env#1}<b>>", "{closure#1}"],
    ["alloc::vec::Vec::<T>::push", "alloc::vec::Vec::push"],
    ["<Vec<T> as Extend<T>>::extend", "<Vec as Extend>::extend"],
    ["<f::<fn() -> u8> as Call>::call", "<f as Call>::call"],
    ["sync.(*Mutex).Unlock", "sync.(*Mutex).Unlock"],
    ["std::operator<< <char>", "std::operator<< <char>"],
    ["a->b", "a->b"],
    ["a>b", "a>b"],
  ]) {
    assert.equal(withoutTypeArguments(name), short);
  }
});

test("a function has a module, and an end that says most", () => {
  for (const [name, module, last] of [
    ["shop::orders::prune", "shop::orders", "prune"],
    ["shop::orders::prune::{{closure}}", "shop::orders::prune", "prune::{{closure}}"],
    ["<hashbrown::map::HashMap<K, V> as core::iter::Extend<T>>::extend", "hashbrown::map", "extend"],
    ["alloc::vec::Vec<T>::push", "alloc::vec", "push"],
    ["a::b::c::d::e", "a::b::c", "e"],
    ["github.com/x/y/shop.(*Cart).Add", "github.com/x/y/shop", "github.com/x/y/shop.(*Cart).Add"],
    ["runtime.unlock", "runtime", "runtime.unlock"],
    ["libc.so.6+0x123", "libc.so.6", "libc.so.6+0x123"],
    ["main", "(other)", "main"],
  ]) {
    const found = names[enter("function", name)];
    assert.deepEqual([found.module, found.last], [module, last], name);
  }
});

test("places are short, and nothing that turns or controls text is shown", () => {
  assert.equal(place("/home/me/app/src/index.rs", 12), "src/index.rs:12");
  assert.equal(place("C:\\app\\src\\index.rs", 0), "src/index.rs");
  assert.equal(place("", 3), "");
  assert.equal(shown("a\u202eb\u200fc\nd\u0007"), "a\ufffdb\ufffdc\ufffdd\ufffd");
  const long = shown("👩".repeat(1000));
  assert.ok(long.length <= 401 && long.isWellFormed?.() !== false);
});

test("who waited is the function that called the program's own way to lock", () => {
  const frames = ["app::main", "app::merge", "app::lock", "app::block"].map((name) => ({ name: enter("function", name) }));
  const waiter = (...path) => {
    const name = waiterOf(path, frames);
    return name === null ? null : names[name].text;
  };
  assert.deepEqual([waiter(0, 1, 2), waiter(0, 1), waiter(2), waiter(0, 3), waiter()], [
    "app::merge", "app::merge", "app::lock", "app::block", null,
  ]);
  assert.equal(waiterOf(null, frames), null);
});

test("a tree's totals are the sums of what is below, whatever the order of the stacks", () => {
  const entries = [
    { path: [1, 2, 3], values: [5] },
    { path: [1, 4], values: [7] },
    { path: [1, 2], values: [1] },
    { path: [9], values: [2] },
    { path: [1, 2, 3], values: [10] },
  ];
  for (const order of [entries, [...entries].reverse()]) {
    const tree = buildTree(order);
    assert.equal(tree.size, 6);
    assert.equal(tree.total[0][0], 25);
    const at = (...path) => findPath(tree, path);
    assert.deepEqual([at(1), at(1, 2), at(1, 2, 3), at(1, 4), at(9)].map((node) => [tree.total[0][node], tree.self[0][node], tree.start[0][node]]), [
      [23, 0, 0], [16, 1, 0], [15, 15, 0], [7, 7, 16], [2, 2, 23],
    ]);
    assert.equal(at(1, 3), -1);
    assert.deepEqual(pathOf(tree, at(1, 2, 3)), [1, 2, 3]);
    order.forEach(({ path }, index) => assert.deepEqual(pathOf(tree, tree.leaf[index]), path));
    assert.equal(matchedShare(tree, 0, { 2: true, 3: true }), 16);
  }
});

test("what happened since is a difference by stack, lock and kind, never negative", () => {
  const read = (options) => readProfile(shop(options), "x");
  const left = since(read({ prune: 3, seconds: 20, end: 1700000020 }), read({ seconds: 10, end: 1700000010 }));
  assert.deepEqual(left.samples.map(({ delay, count: number }) => [delay, number]), [[900e6, 0], [300e6, 0]]);
  assert.equal(left.duration, 10e9);
  const [orders, sessions] = left.locks;
  assert.deepEqual([orders.waited_ns, orders.handoff_ns, sessions.waited_ns], [1200e6, 0, 0]);
  // The histograms are the same: nothing is known of waits since then.
  assert.deepEqual([orders.p99_ns, orders.longest_ns, orders.wait_histogram], [null, null, []]);
  const none = since(read(), read());
  assert.deepEqual(none.samples, []);
});

test("over time: what was waited for in each second, of profiles that go on what came on top", () => {
  const read = (options) => readProfile(shop(options), "x");
  const apart = historyOf([read({ end: 1700000000 }), read({ prune: 2, end: 1700000500 })]);
  const on = historyOf([read({ seconds: 10, end: 1700000010 }), read({ prune: 2, seconds: 20, end: 1700000020 })]);
  const orders = enter("lock", "orders");
  assert.deepEqual(apart.get(orders), [80e6, 140e6]);
  assert.deepEqual(on.get(orders), [80e6, 60e6]);
});
