// 10,000 stacks. How much work an interaction is, is told by what is drawn and
// what is looked at for it, not by a clock: that would tell of the machine.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { at, open, painted, press, start, stop } from "./browser.js";
import { large, wide } from "./profiles.js";

before(start);
after(stop);

// At most one box for each one and a half pixels in each row in view; to find
// them, the boxes in the rows above are looked at as well.
async function bounded(page, what) {
  const found = await page.$eval("#flame canvas", (canvas) => ({
    ...canvas.dataset,
    pixels: canvas.clientWidth,
    inView: Math.ceil(canvas.clientHeight / 21) + 1,
  }));
  const [drawn, visited, rows] = [found.drawn, found.visited, found.rows].map(Number);
  assert.ok(drawn > 0, `${what}: something is drawn`);
  assert.ok(drawn <= (found.inView * found.pixels) / 1.5, `${what}: ${drawn} boxes are drawn`);
  assert.ok(visited <= (rows * found.pixels) / 1.5, `${what}: ${visited} are looked at`);
  const elements = await page.evaluate(() => document.querySelectorAll("*").length);
  assert.ok(elements < 10000, `${what}: ${elements} elements`);
  return { drawn, visited };
}

test("10,000 stacks: what is done for each interaction is bounded by the window", async () => {
  const profile = large(10000);
  assert.ok(profile.stacks.length > 10000);
  const page = await open({ "large.json": profile });
  const report = [];
  const step = async (what, act) => {
    const began = performance.now();
    await act();
    await painted(page);
    const { drawn, visited } = await bounded(page, what);
    report.push(`${what}: ${drawn} drawn, ${visited} visited, ${Math.round(performance.now() - began)} ms`);
  };
  await step("opened", () => {});
  assert.match(await page.locator("#culprits tbody tr").first().textContent(), /app::culprit/);
  assert.equal(await page.locator("#culprits tbody tr").count(), 100);
  await step("culprit chosen", () => page.locator("#culprits tbody tr").first().click());
  assert.match(await page.locator("#waiters").textContent(), /app::victim/);
  await step("another chosen", () => page.locator("#culprits tbody tr").nth(50).click());
  await step("a lock chosen", () => page.locator("#locks tbody tr").nth(2).click());
  await step("back", () => press(page, "r"));
  await step("searched", () => page.locator("#search").fill("call_3"));
  await step("searched for a letter", () => page.locator("#search").fill("e"));
  await step("search cleared", () => page.locator("#search").fill(""));
  const [x, y] = await at(page, "flame", 4, 0.9);
  await step("hovered", () => page.mouse.move(x, y));
  await step("clicked", () => page.mouse.click(x, y));
  await step("widened", () => page.mouse.dblclick(x, y));
  await step("scrolled", () => page.locator("#flame").evaluate((box) => { box.scrollTop = 1e6; }));
  await step("contentions", () => press(page, "m"));
  await step("sorted", () => page.locator("#culprits th button").first().click());
  await step("more rows", () => page.locator("#culprits .more").click());
  assert.equal(await page.locator("#culprits tbody tr").count(), 500);
  console.log(report.join("\n"));
  assert.deepEqual(page.said, []);
  await page.close();
});

test("10,000 calls from one function are as many boxes as there is room for", async () => {
  const page = await open({ "wide.json": wide(10000) });
  const { visited } = await bounded(page, "opened");
  assert.ok(visited < 100, `${visited} are looked at: those too narrow are passed over together`);
  await page.close();
});

test("two profiles of 10,000 stacks are compared within the same bounds", async () => {
  const page = await open({ "a.json": large(10000), "b.json": large(9000) });
  await bounded(page, "compared");
  await page.locator("#culprits tbody tr").first().click();
  await painted(page);
  await bounded(page, "chosen");
  assert.deepEqual(page.said, []);
  await page.close();
});
