// A program that runs. The browser's clock is the test's: nothing is waited for.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { liveDocument, newPage, rows, start, stop } from "./browser.js";
import { shop } from "./profiles.js";

let server;
let answers;
let asked;

before(async () => {
  await start();
  server = createServer((request, response) => {
    if (request.url === "/") {
      response.setHeader("content-type", "text/html");
      response.end(liveDocument("service at port 6060", "profile.json"));
    } else {
      asked += 1;
      const [status, body] = answers();
      response.writeHead(status, { "content-type": "application/json" });
      response.end(body);
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
});

after(async () => {
  server.close();
  await stop();
});

async function openLive() {
  const page = await newPage();
  await page.clock.install({ time: new Date("2026-01-01T00:00:00Z") });
  await page.clock.pauseAt(new Date("2026-01-01T00:00:01Z"));
  asked = 0;
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  return page;
}

// Lets the page's clock go on until the page has asked once more.
async function nextAnswer(page) {
  const before = asked;
  for (let step = 0; asked === before; step += 1) {
    assert.ok(step < 1000, "the page does not ask any more");
    await page.clock.runFor(500);
  }
}

const until = (page, condition, value) => page.waitForFunction(condition, value, { polling: 20 });

// Until the first culprit is blamed for this much.
function blamed(page, text) {
  return until(page, (wanted) => document.querySelector("#culprits .with-bar")?.textContent === wanted, text);
}

// One more second of the program for each question; prune is at work in some.
function running(pruning) {
  let seconds = 10;
  let pruned = 1;
  return () => {
    const profile = shop({ seconds, end: 1700000000 + seconds, prune: pruned });
    // These were before it all, and are still the longest.
    for (const wait of profile.longest) wait.time_unix_ns = 1.7e18;
    seconds += 1;
    pruned += pruning();
    return [200, JSON.stringify(profile)];
  };
}

test("what a program does shows up as it goes on", async () => {
  let busy = 0;
  answers = running(() => busy);
  const page = await openLive();
  await nextAnswer(page);
  await page.waitForSelector("body[data-ready]");
  assert.equal(await page.locator("#profile").innerText(), "service at port 6060");
  assert.equal((await rows(page, "culprits"))[0][1], "600 ms");
  busy = 1;
  await nextAnswer(page);
  await nextAnswer(page);
  await blamed(page, "1.20 s");
  await nextAnswer(page);
  await page.waitForSelector("#locks .spark-line");
  assert.deepEqual(page.said, []);
  await page.close();
});

test("from now on: only what happens from then", async () => {
  answers = running(() => 1);
  const page = await openLive();
  await nextAnswer(page);
  await page.waitForSelector("body[data-ready]");
  await page.locator("#since-now").click();
  assert.equal(await page.locator("#nothing").isVisible(), true);
  await nextAnswer(page);
  await blamed(page, "600 ms");
  assert.equal((await rows(page, "culprits")).length, 1, "nobody else did anything");
  await nextAnswer(page);
  await blamed(page, "1.20 s");
  await page.locator("#since-now").click();
  assert.equal((await rows(page, "culprits")).length, 3);
  assert.deepEqual(page.said, []);
  await page.close();
});

test("a choice stays while profiles come", async () => {
  answers = running(() => 1);
  const page = await openLive();
  await nextAnswer(page);
  await page.waitForSelector("body[data-ready]");
  await page.locator("#culprits tbody tr").nth(1).click();
  assert.match(await page.locator("#detail h2").innerText(), /evict/);
  const before = asked;
  await nextAnswer(page);
  await until(page, () => /1\.20 s/.test(document.querySelector("#culprits tbody").textContent));
  assert.ok(asked > before);
  assert.match(await page.locator("#detail h2").innerText(), /evict/);
  assert.equal(await page.evaluate(() => document.activeElement?.closest("tr")?.textContent.includes("evict")), true, "the focus, too");
  // And that of who reads what stands beside.
  await page.locator("#waits summary").first().click();
  await nextAnswer(page);
  await until(page, () => /1\.80 s/.test(document.querySelector("#culprits tbody").textContent));
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), "SUMMARY");
  assert.equal(await page.$eval("#waits details", (wait) => wait.open), true, "what was opened stays open");
  await page.close();
});

test("paused, nothing is asked for", async () => {
  answers = running(() => 1);
  const page = await openLive();
  await nextAnswer(page);
  await page.waitForSelector("body[data-ready]");
  await page.locator("#pause").click();
  const before = asked;
  await page.clock.runFor(60000);
  assert.equal(asked, before, "for a minute");
  assert.equal(await page.locator("#pause").innerText(), "Resume");
  await page.locator("#pause").click();
  await nextAnswer(page);
  assert.ok(asked > before);
  await page.close();
});

test("a program that is away is said to be, until it is back", async () => {
  const good = running(() => 0);
  answers = good;
  const page = await openLive();
  await nextAnswer(page);
  await page.waitForSelector("body[data-ready]");
  answers = () => [502, "cannot fetch http://127.0.0.1:6060: Connection refused"];
  await nextAnswer(page);
  await page.locator("#trouble").waitFor();
  assert.match(await page.locator("#trouble").innerText(), /No answer: cannot fetch .* Connection refused/);
  assert.equal((await rows(page, "culprits")).length, 3, "what is known stays");
  answers = () => [200, '{"schema":2}'];
  await nextAnswer(page);
  await until(page, () => /version 2/.test(document.getElementById("trouble").textContent));
  answers = good;
  await nextAnswer(page);
  await page.locator("#trouble").waitFor({ state: "hidden" });
  // The browser says that an answer was a 502, nothing else is said.
  assert.deepEqual(page.said.filter((line) => !line.includes("502")), []);
  await page.close();
});
