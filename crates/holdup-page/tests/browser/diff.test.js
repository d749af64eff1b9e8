// Two profiles against each other, and several in a row.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { choose, color, hover, open, painted, press, rows, start, stop } from "./browser.js";
import { Builder, shop } from "./profiles.js";

before(start);
after(stop);

async function withPage(profiles, check) {
  const page = await open(profiles, { viewport: { width: 1800, height: 900 } });
  await check(page);
  assert.deepEqual(page.said, []);
  await page.close();
}

test("a diff puts what grew most first, and colours it", () =>
  withPage({ "before.json": shop({ prune: 0.5 }), "after.json": shop() }, async (page) => {
    assert.deepEqual(await rows(page, "culprits"), [
      ["shop::orders::prune", "300 ms", "600 ms", "+300 ms", "× 2.0"],
      ["shop::sessions::evict", "200 ms", "200 ms", "0", "0 %"],
      ["shop::orders::insert", "100 ms", "100 ms", "0", "0 %"],
    ]);
    assert.deepEqual((await rows(page, "locks"))[0].slice(0, 5), ["orders", "500 ms", "800 ms", "+300 ms", "+60 %"]);
    assert.match(await hover(page, "flame", 3, 0.3), /prune\s+600 ms[^]*300 ms → 600 ms, × 2\.0/);
    assert.match(await hover(page, "flame-before", 0, 0.3), /All locks\s+700 ms/);
    assert.match(await hover(page, "flame-before", 3, 0.3), /prune\s+300 ms/);
    const [red, , blue] = await color(page, "flame", 3, 0.02);
    assert.ok(red > blue + 40, `grown is red, not ${red} against ${blue}`);
    const [r, g, b] = await color(page, "flame", 3, 0.95);
    assert.ok(Math.max(r, g, b) - Math.min(r, g, b) < 20, "what stayed is grey");
    await choose(page, "culprits", "prune");
    assert.match(await page.locator("#chosen-sum").innerText(), /600 ms .* \(before: 300 ms, \+300 ms\)/);
  }));

test("exchanged, what grew shrinks", () =>
  withPage({ "before.json": shop({ prune: 0.5 }), "after.json": shop() }, async (page) => {
    await press(page, "x");
    const prune = (await rows(page, "culprits")).find((row) => row[0].endsWith("prune"));
    assert.deepEqual(prune.slice(1), ["600 ms", "300 ms", "−300 ms", "−50 %"]);
    const [red, , blue] = await color(page, "flame", 3, 0.02);
    assert.ok(blue > red + 20, `shrunk is blue, not ${blue} against ${red}`);
  }));

test("what was before is scaled to the same length of time, unless told not to", () =>
  withPage({ "before.json": shop({ seconds: 5 }), "after.json": shop({ seconds: 10 }) }, async (page) => {
    const prune = async () => (await rows(page, "culprits")).find((row) => row[0].endsWith("prune"));
    assert.deepEqual((await prune()).slice(1), ["1.20 s", "600 ms", "−600 ms", "−50 %"]);
    await page.locator("#even").uncheck();
    assert.deepEqual((await prune()).slice(1), ["600 ms", "600 ms", "0", "0 %"]);
  }));

test("what is new and what is gone is there, too", () =>
  withPage(
    {
      "before.json": new Builder().blame("l", ["a::old"], null, 10).blame("m", ["a::gone"], null, 5).profile,
      "after.json": new Builder().blame("l", ["a::old"], null, 10).blame("n", ["a::new"], null, 7).profile,
    },
    async (page) => {
      const found = Object.fromEntries((await rows(page, "culprits")).map((row) => [row[0], row.at(-1)]));
      assert.deepEqual(found, { "a::new": "new", "a::old": "0 %", "a::gone": "gone" });
      assert.deepEqual((await rows(page, "locks")).map((row) => row[0]).sort(), ["l", "m", "n"]);
    },
  ));

test("three profiles are a series, with the last in view and each to be compared", () =>
  withPage(
    {
      "1.json": shop({ prune: 1, end: 1700000000 }),
      "2.json": shop({ prune: 4, end: 1700000010 }),
      "3.json": shop({ prune: 2, end: 1700000020 }),
    },
    async (page) => {
      assert.equal(await page.locator("#profile").innerText(), "3.json");
      assert.equal((await rows(page, "culprits"))[0][1], "1.20 s");
      const points = await page.$eval("#locks tbody tr .spark-line", (line) => line.getAttribute("points").split(" "));
      assert.equal(points.length, 3);
      const heights = points.map((point) => Number(point.split(",")[1]));
      assert.ok(heights[1] < heights[2] && heights[2] < heights[0], `most in the middle: ${heights}`);
      await page.locator("#before").selectOption({ label: "2.json" });
      await painted(page);
      const prune = (await rows(page, "culprits")).find((row) => row[0].endsWith("prune"));
      assert.deepEqual(prune.slice(1, 3), ["2.40 s", "1.20 s"]);
      await page.locator("#before").selectOption({ label: "nothing" });
      await painted(page);
      assert.equal((await rows(page, "culprits"))[0][1], "1.20 s");
    },
  ));

test("profiles that go on from one another show what came on top", () =>
  withPage(
    {
      "1.json": shop({ prune: 1, seconds: 10, end: 1700000010 }),
      "2.json": shop({ prune: 3, seconds: 20, end: 1700000020 }),
      "3.json": shop({ prune: 3, seconds: 30, end: 1700000030 }),
    },
    async (page) => {
      const points = await page.$eval("#locks tbody tr .spark-line", (line) => line.getAttribute("points").split(" "));
      const heights = points.map((point) => Number(point.split(",")[1]));
      assert.equal(heights[2], 16, "nothing was waited for in the last stretch");
    },
  ));
