// The page of a known profile: the culprit, the victims, search, keys, themes.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { at, choose, color, entries, hover, open, painted, press, require, rows, start, stop } from "./browser.js";
import { shop } from "./profiles.js";

before(start);
after(stop);

// Each test has a page of its own, which must keep quiet and ask for nothing.
function onPage(name, profiles, check, options) {
  test(name, async () => {
    const page = await open(profiles(), options);
    try {
      await check(page);
      assert.deepEqual(page.said, [], "the console");
      assert.deepEqual(page.asked.filter((url) => !/^(file|data):/.test(url)), [], "the network");
    } finally {
      await page.close();
    }
  });
}

const one = () => ({ "locks.json": shop() });

onPage("the culprit is first, with what it is blamed for", one, async (page) => {
  const culprits = await rows(page, "culprits");
  assert.deepEqual(culprits.map((row) => row[0]), ["shop::orders::prune", "shop::sessions::evict", "shop::orders::insert"]);
  assert.deepEqual(culprits[0].slice(1, 4), ["600 ms", "60.0 %", "12"]);
});

onPage("the locks are there with their exact sums, and the sums balance", one, async (page) => {
  assert.deepEqual(await rows(page, "locks"), [
    ["orders", "800 ms", "700 ms", "52", "60.0 ms", "80.0 ms"],
    ["sessions", "200 ms", "200 ms", "2", "–", "–"],
  ]);
  const tiles = await page.$$eval("#tiles dd", (all) => all.map((tile) => tile.textContent));
  assert.deepEqual(tiles, ["1.00 s", "900 ms", "100 ms", "54", "54", "80.0 ms"]);
});

onPage("with room there are all columns of the locks", one, async (page) => {
  assert.deepEqual((await rows(page, "locks"))[0], ["orders", "800 ms", "700 ms", "100 ms", "52", "1.00 ms", "60.0 ms", "80.0 ms"]);
}, { viewport: { width: 1920, height: 1000 } });

onPage("choosing a culprit shows whom it held up, and nobody else", one, async (page) => {
  await choose(page, "culprits", "prune");
  assert.equal(await page.locator("#chosen-sum").innerText(), "600 ms waited for it, 60.0 % of all");
  assert.deepEqual(await entries(page, "waiters"), [
    ["shop::checkout::pay", "75.0 %", "450 ms"],
    ["shop::search::query", "25.0 %", "150 ms"],
  ]);
  assert.deepEqual(await entries(page, "lines"), [["src/prune.rs:7", "100.0 %", "600 ms"]]);
  const waits = await page.$$eval("#waits summary", (all) => all.map((one) => one.innerText.split(/\s+/).join(" ")));
  assert.equal(waits.length, 1);
  assert.match(waits[0], /^80\.0 ms .* checkout::pay worker-1 held up by orders::prune janitor$/);
  assert.match(await hover(page, "victims", 2, 0.1), /shop::checkout::pay\s+450 ms waited, 75\.0 %/);
  assert.match(await hover(page, "victims", 2, 0.9), /shop::search::query/);
  await page.locator("#waits summary").click();
  assert.match(await page.locator("#waits details").textContent(), /Waited.*shop::checkout::pay src\/pay\.rs:7.*Ended the section *shop::orders::prune src\/prune\.rs:7/);
});

onPage("choosing it again, or closing, chooses nothing", one, async (page) => {
  await choose(page, "culprits", "prune");
  assert.equal(await page.locator("#culprits tr[aria-selected=true]").count(), 1);
  await page.getByRole("button", { name: "Close" }).click();
  assert.equal(await page.locator("#culprits tr[aria-selected=true]").count(), 0);
  assert.match(await page.locator("#detail").innerText(), /Who was held up\?[^]*The longest waits[^]*120 ms[^]*80\.0 ms/);
});

onPage("choosing a lock shows its waits, its culprits and its victims", one, async (page) => {
  await choose(page, "locks", "orders");
  assert.deepEqual((await rows(page, "culprits")).map((row) => row[0]), ["shop::orders::prune", "shop::orders::insert"]);
  const figures = Object.fromEntries(
    await page.$$eval("#detail .figures div", (all) => all.map((one) => [...one.children].map((part) => part.textContent))),
  );
  assert.deepEqual(
    [figures.waited, figures.handoff, figures.p90, figures["p99.9"], figures.longest],
    ["800 ms", "100 ms", "20.0 ms", "80.0 ms", "80.0 ms"],
  );
  assert.equal(await page.locator("#detail svg.histogram").count(), 2);
  assert.deepEqual(await entries(page, "ended"), [
    ["shop::orders::prune", "85.7 %", "600 ms"],
    ["shop::orders::insert", "14.3 %", "100 ms"],
  ]);
  assert.deepEqual((await entries(page, "waiters")).map((entry) => entry[0]), ["shop::checkout::pay", "shop::search::query"]);
  // The graph is widened to it; the way back is one key.
  assert.match(await hover(page, "flame", 1, 0.95), /^orders\s+800 ms/);
  await press(page, "Escape");
  await press(page, "Escape");
  assert.match(await hover(page, "flame", 1, 0.95), /^sessions\s+200 ms/);
});

onPage("a box of the graph is what its place and width say", one, async (page) => {
  // orders has 80 % of the width, prune 60 %, insert the next 10 %, handoff 10 %.
  assert.match(await hover(page, "flame", 0, 0.5), /^All locks\s+1\.00 s, 100\.0 %/);
  assert.match(await hover(page, "flame", 2, 0.3), /^shop::janitor::tick\s+600 ms/);
  assert.match(await hover(page, "flame", 3, 0.3), /^shop::orders::prune\s+600 ms, 60\.0 %/);
  assert.match(await hover(page, "flame", 3, 0.95), /^shop::sessions::evict\s+200 ms/);
  assert.match(await page.$eval("#flame canvas", (canvas) => canvas.dataset.rows), /^4$/);
  await page.mouse.click(...(await at(page, "flame", 3, 0.95)));
  await painted(page);
  assert.match(await page.locator("#detail h2").innerText(), /^shop::sessions::evict$/);
  assert.deepEqual(await entries(page, "waiters"), [["shop::sessions::refresh", "100.0 %", "200 ms"]]);
});

onPage("a double click widens a box, reset undoes it", one, async (page) => {
  await page.mouse.dblclick(...(await at(page, "flame", 3, 0.95)));
  assert.match(await hover(page, "flame", 3, 0.05), /evict/);
  await page.getByRole("button", { name: "Reset" }).click();
  assert.match(await hover(page, "flame", 3, 0.05), /prune/);
  assert.equal(await page.getByRole("button", { name: "Reset" }).isDisabled(), true);
});

onPage("search says which share matches, and counts nothing twice", one, async (page) => {
  const search = async (text) => {
    await page.locator("#search").fill(text);
    await painted(page);
    await painted(page);
    return page.locator("#matched").innerText();
  };
  assert.equal(await search("PRUNE"), "60.0 % matched, 600 ms");
  // Both the caller and what it calls match; the caller has it all.
  assert.equal(await search("shop"), "90.0 % matched, 900 ms");
  assert.equal(await search("orders prune"), "60.0 % matched, 600 ms");
  assert.equal(await search("/(evict|insert)$/"), "30.0 % matched, 300 ms");
  assert.equal(await search("orders"), "80.0 % matched, 800 ms");
  assert.equal(await search("nothing like it"), "0.0 % matched, 0");
  assert.equal(await search("/(/"), "");
  assert.equal(await page.locator("#search").getAttribute("aria-invalid"), "true");
  const plain = await color(page, "flame", 3, 0.02);
  await search("evict");
  assert.notDeepEqual(await color(page, "flame", 3, 0.02), plain, "what does not match is paler");
  assert.equal(await search(""), "");
  assert.deepEqual(await color(page, "flame", 3, 0.02), plain);
});

onPage("tables sort by each column, both ways", one, async (page) => {
  const first = async () => (await rows(page, "locks"))[0][0];
  assert.equal(await first(), "orders");
  await page.locator("#locks th button", { hasText: "Waited" }).click();
  assert.equal(await first(), "sessions");
  assert.equal(await page.locator("#locks th[aria-sort]").getAttribute("aria-sort"), "ascending");
  await page.locator("#locks th button", { hasText: /^Lock$/ }).click();
  assert.equal(await first(), "orders");
  await page.locator("#locks th button", { hasText: "p99" }).click();
  assert.equal(await first(), "orders");
});

onPage("contentions instead of time: other widths, another order", one, async (page) => {
  await press(page, "m");
  assert.deepEqual((await rows(page, "culprits")).map((row) => row.slice(0, 2)), [
    ["shop::orders::insert", "40"],
    ["shop::orders::prune", "12"],
    ["shop::sessions::evict", "2"],
  ]);
  assert.equal(await page.locator("#metric-count").getAttribute("aria-pressed"), "true");
});

onPage("everything can be done from the keyboard", one, async (page) => {
  const said = () => page.locator("#announcer").innerText();
  await press(page, "g");
  await press(page, "ArrowDown");
  assert.match(await said(), /^everything, 1\.00 s, 100\.0 %$/);
  for (const key of ["ArrowDown", "ArrowDown", "ArrowRight"]) await press(page, key);
  assert.match(await said(), /^shop::main::serve, 100 ms, 10\.0 %$|^\[handoff/);
  await press(page, "ArrowLeft");
  await press(page, "ArrowDown");
  assert.match(await said(), /^shop::orders::prune, 600 ms/);
  await press(page, "ArrowDown");
  assert.match(await said(), /^shop::orders::prune/, "there is nothing below");
  await press(page, "Enter");
  assert.match(await page.locator("#detail h2").innerText(), /prune/);
  await press(page, "Space");
  assert.match(await hover(page, "flame", 3, 0.97), /prune/);
  await press(page, "r");
  await press(page, "c");
  await press(page, "ArrowDown");
  await press(page, "Enter");
  assert.match(await page.locator("#detail h2").innerText(), /evict/);
  await press(page, "l");
  await press(page, "Enter");
  assert.match(await page.locator("#detail h2").innerText(), /^orders$/);
  await press(page, "/");
  await page.keyboard.type("prune");
  await painted(page);
  assert.match(await page.locator("#matched").innerText(), /60\.0 % matched|75\.0 % matched/);
  await press(page, "Escape");
  assert.equal(await page.locator("#search").inputValue(), "");
  await press(page, "?");
  assert.equal(await page.locator("#help").isVisible(), true);
  assert.match(await page.locator("#help").innerText(), /Pause, or go on/);
  await press(page, "Escape");
  assert.equal(await page.locator("#help").isVisible(), false);
});

onPage("colours go by module or by lock", one, async (page) => {
  const [prune, evict] = [[3, 0.02], [3, 0.82]];
  const byModule = await color(page, "flame", ...prune);
  assert.notDeepEqual(await color(page, "flame", ...evict), byModule);
  assert.match(await page.locator("#legend").innerText(), /^shop::orders\s+shop::sessions/);
  await press(page, "b");
  assert.match(await page.locator("#legend").innerText(), /^orders\s+sessions/);
});

for (const theme of ["light", "dark"]) {
  onPage(`nothing is amiss for who cannot see well, ${theme}`, one, async (page) => {
    assert.equal(await page.$eval("html", (html) => html.dataset.theme), theme);
    const axe = require("axe-core").source;
    const check = async () => {
      await page.evaluate(axe);
      const found = await page.evaluate(() => axe.run());
      assert.deepEqual(found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html)}`), []);
    };
    await check();
    await choose(page, "locks", "orders");
    await check();
    // Boxes, too: axe does not look into a canvas.
    const contrast = await page.evaluate(() => {
      const canvas = document.querySelector("#flame canvas");
      const { width, height } = canvas;
      const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
      const light = (at) => {
        const [r, g, b] = [0, 1, 2].map((part) => {
          const value = data[at + part] / 255;
          return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      // Of each row of boxes: the box against the strongest of what is written.
      return [2, 3].map((row) => {
        const y = row * 21 + 10;
        const box = light(4 * (y * width + 2));
        let most = 1;
        for (let x = 6; x < 60; x += 1) {
          for (let dy = -5; dy <= 5; dy += 1) {
            const text = light(4 * ((y + dy) * width + x));
            most = Math.max(most, (Math.max(text, box) + 0.05) / (Math.min(text, box) + 0.05));
          }
        }
        return most;
      });
    });
    for (const ratio of contrast) assert.ok(ratio >= 4.5, `text on a box has a contrast of ${ratio}`);
  }, { colorScheme: theme });
}

onPage("dark and light follow the system until somebody chooses", one, async (page) => {
  const theme = () => page.$eval("html", (html) => html.dataset.theme);
  const before = await color(page, "flame", 0, 0.9);
  await page.emulateMedia({ colorScheme: "dark" });
  await painted(page);
  assert.equal(await theme(), "dark");
  assert.notDeepEqual(await color(page, "flame", 0, 0.9), before);
  await press(page, "t");
  assert.equal(await theme(), "light");
  await page.emulateMedia({ colorScheme: "light" });
  await page.emulateMedia({ colorScheme: "dark" });
  await painted(page);
  assert.deepEqual(await color(page, "flame", 0, 0.9), before);
});

const nothing = () => ({ "empty.json": { ...shop(), locks: [], frames: [], stacks: [], samples: [], longest: [] } });

onPage("a profile of nothing says so", nothing, async (page) => {
  assert.equal(await page.locator("#nothing").isVisible(), true);
  await press(page, "g");
  await press(page, "ArrowDown");
  await page.mouse.click(...(await at(page, "flame", 1, 0.5)));
  await press(page, "m");
});

const unnamed = () => {
  const profile = shop();
  for (const sample of profile.samples) sample.victim = null;
  return { "old.json": profile };
};

onPage("where the waiters are not known, that is said", unnamed, async (page) => {
  await choose(page, "culprits", "prune");
  assert.match(await page.locator("#detail").innerText(), /no stacks of the waiters/);
});

onPage("a narrow window has everything below one another", one, async (page) => {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${wide} pixels too wide`);
  assert.equal(await page.locator("#culprits tbody tr").first().isVisible(), true);
}, { viewport: { width: 420, height: 800 } });
