// Names that mean no good, and documents that are no profiles.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { open, painted, press, rows, newPage, start, stop } from "./browser.js";
import { hostile, hostileNames, shop } from "./profiles.js";

before(start);
after(stop);

async function unharmed(page) {
  const found = await page.evaluate(() => ({
    hacked: window.hacked,
    images: document.images.length,
    scripts: document.scripts.length,
    bold: document.querySelectorAll("b, iframe, object, embed, link[href^=javascript]").length,
    wide: document.documentElement.scrollWidth - innerWidth,
  }));
  assert.deepEqual(found, { hacked: undefined, images: 0, scripts: 2, bold: 0, wide: 0 });
  assert.deepEqual(page.said, []);
  assert.deepEqual(page.asked.filter((url) => !/^(file|data):/.test(url)), []);
}

test("hostile names are text wherever they are shown", async () => {
  const page = await open({ "a<img src=x onerror=window.hacked=1>.json": hostile(), "b.json": shop() });
  await page.locator("#before").selectOption("-1");
  await page.locator("#after").selectOption("0");
  await painted(page);
  const culprits = (await rows(page, "culprits")).map((row) => row[0]);
  assert.equal(culprits.length, hostileNames.length);
  assert.equal(culprits[0], '<img src=x onerror="window.hacked=1">');
  assert.ok(culprits.some((name) => name.startsWith("</script><script>window.hacked=1")));
  assert.ok(culprits.includes("__proto__") && culprits.includes("constructor") && culprits.includes("{{script}}"));
  const everything = await page.locator("body").innerText();
  assert.doesNotMatch(everything, /[\u202e\u2066\u0000\u001b]/, "what turns or controls text is replaced");
  assert.match(everything, /right\ufffdto left\ufffdisolated/);
  await unharmed(page);
  // Each of them chosen, hovered over, searched for.
  const lines = page.locator("#culprits tbody tr");
  for (let index = 0; index < hostileNames.length; index += 1) {
    await lines.nth(index).click();
    await painted(page);
    for (const row of [1, 2, 3]) {
      const box = await page.locator("#flame canvas").boundingBox();
      await page.mouse.move(box.x + (box.width * (index + 0.5)) / hostileNames.length, box.y + row * 21 + 10);
    }
    await painted(page);
  }
  for (const name of hostileNames.slice(0, 12)) {
    await page.locator("#search").fill(name.replace(/[\n\0]/g, ""));
    await painted(page);
  }
  await page.locator("#search").fill("");
  for (const key of ["Escape", "b", "m", "t", "l", "Enter"]) await press(page, key);
  await unharmed(page);
  // Compared with another one, too.
  await page.locator("#before").selectOption("1");
  await painted(page);
  await unharmed(page);
  await page.close();
});

test("what is shown of a long name is short, and its end is there", async () => {
  const page = await open({ "a.json": hostile() });
  const texts = await page.$$eval("#culprits tbody tr", (lines) => lines.map((line) => [line.cells[0].textContent.length, line.title.length]));
  for (const [text, title] of texts) assert.ok(text <= 401 && title <= 401, `${text} and ${title} characters`);
  await page.close();
});

for (const [what, json, says] of [
  ["no profile at all", "[1, 2]", "its form has the version undefined"],
  ["null", "null", "it is no JSON object"],
  ["another version", '{"schema": 9}', "its form has the version 9; this page knows 1"],
  ["no list of samples", '{"schema":1,"locks":[],"frames":[],"stacks":[],"longest":[]}', "it has no list of samples"],
  [
    "a sample of a lock that is not there",
    '{"schema":1,"locks":[],"frames":[],"stacks":[],"longest":[],"samples":[{"kind":"blame","lock":3,"stack":null,"victim":null,"count":1,"delay_ns":1}]}',
    "it refers to lock 3, which is not there",
  ],
  [
    "a stack of a frame that is not there",
    '{"schema":1,"locks":[],"frames":[],"stacks":[[5]],"longest":[],"samples":[]}',
    "it refers to frame 5, which is not there",
  ],
  ["JSON that ends too early", '{"schema":1', "The profile cannot be read"],
]) {
  test(`${what}: told in one line`, async () => {
    const page = await newPage();
    const { documentOf } = await import("./browser.js");
    await page.setContent(documentOf({ "bad.json": json }).toString());
    assert.match(await page.locator("#trouble").innerText(), new RegExp(says.replace(/[()]/g, "\\$&")));
    assert.deepEqual(page.said, []);
    await page.close();
  });
}

test("numbers that are none do no harm", async () => {
  const profile = shop();
  Object.assign(profile.samples[0], { delay_ns: -5, count: "many" });
  Object.assign(profile.samples[1], { delay_ns: 1e300 });
  Object.assign(profile.locks[0], { waited_ns: null, p99_ns: null, wait_histogram: null, name: 7 });
  Object.assign(profile, { time_unix_ns: null, duration_ns: "long" });
  const page = await open({ "a.json": profile });
  await page.locator("#culprits tbody tr").first().click();
  await page.locator("#locks tbody tr").first().click();
  await painted(page);
  assert.deepEqual(page.said, []);
  await page.close();
});
