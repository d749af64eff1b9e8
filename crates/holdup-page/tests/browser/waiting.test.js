// Who waits now, of a program whose answers are the test's, as is the browser's clock.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { liveDocument, newPage, open, require, start, stop } from "./browser.js";
import { shop } from "./profiles.js";

let server;
// What is answered to the question for who waits: [status, body], or a promise of it.
let answer;
let asked;

before(async () => {
  await start();
  server = createServer(async (request, response) => {
    const send = (status, type, body) => {
      response.writeHead(status, { "content-type": type });
      response.end(body);
    };
    if (request.url === "/") return send(200, "text/html", liveDocument("service", "profile.json", "live"));
    if (request.url === "/profile.json") return send(200, "application/json", JSON.stringify(shop()));
    asked += 1;
    const [status, body] = await answer();
    return send(status, "application/json", typeof body === "string" ? body : JSON.stringify(body));
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
});

after(async () => {
  server.close();
  await stop();
});

const waiter = (name, ns, set = {}) => ({
  thread: 1, os_id: 41, thread_name: name, waited_ns: ns, wants: "mutex", timed: false, stack: [], ...set,
});
const lock = (name, waiters, set = {}) => ({ name, address: "0x1", held_by: "unknown", holders: [], waiters, ...set });
const live = (...locks) => [200, { schema: 1, time_unix_ns: 1.7e18, locks }];
const janitor = (held) => ({ thread: 9, os_id: 40, thread_name: "janitor", held_ns: held });

async function openLive(options) {
  const page = await newPage(options);
  await page.clock.install({ time: new Date("2026-01-01T00:00:00Z") });
  await page.clock.pauseAt(new Date("2026-01-01T00:00:01Z"));
  asked = 0;
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.clock.runFor(1);
  await page.waitForSelector("body[data-ready]");
  return page;
}

// What the panel says, once that is `expected`. The clock goes on until then.
async function says(page, expected, most = 40) {
  let text;
  for (let step = 0; step < most; step += 1) {
    await page.clock.runFor(100);
    text = await page.locator("#waiting").evaluate((panel) => (panel.hidden ? null : panel.innerText.replace(/\s+/g, " ").trim()));
    if (expected === null ? text === null : text !== null && expected.test(text)) return;
  }
  assert.fail(`${text} is not ${expected}`);
}

test("each lock has its holder and its waiters; then nobody waits", async () => {
  answer = () =>
    live(
      lock("orders", [waiter("worker-2", 2.5e9), waiter("worker-1", 8e6, { timed: true })], { held_by: "thread", holders: [janitor(3e9)] }),
      lock("index", [waiter(null, 5e6, { wants: "write" })], { held_by: "readers" }),
      lock("cache", [waiter("worker-7", 1e3, { wants: "read" })]),
    );
  const page = await openLive();
  await says(page, new RegExp(
    "^Waiting now 4 threads for 3 locks " +
      "orders held by janitor \\(40\\) for 3.00 s 2.50 s worker-2 \\(41\\) to lock 8.00 ms worker-1 \\(41\\) to lock, for a limited time " +
      "index held by readers 5.00 ms thread 41 to write " +
      "cache held by nobody yet 1.00 µs worker-7 \\(41\\) to read$",
  ));
  const titles = await page.$$eval("#waiting [data-ns]", (all) => all.map(({ title }) => title));
  assert.deepEqual(titles, ["3,000.000 ms", "2,500.000 ms", "8.000 ms", "5.000 ms", "0.001 ms"]);
  answer = () => live();
  await says(page, /^Waiting now Nobody waits\.$/);
  assert.deepEqual(page.said, []);
  await page.close();
});

test("nothing on the page moves when they come and go", async () => {
  for (const viewport of [{ width: 1440, height: 900 }, { width: 390, height: 800 }]) {
    answer = () => live();
    const page = await openLive({ viewport });
    const place = () => page.$eval("main", (main) => main.getBoundingClientRect().top);
    // From before the first answer, too.
    const first = await place();
    await says(page, /Nobody waits/);
    const nobody = await place();
    answer = () => live(...Array(30).fill(lock("orders ".repeat(80), Array(30).fill(waiter("worker ".repeat(80), 1e9)))));
    await says(page, /and 10 locks more/);
    assert.deepEqual([nobody, await place()], [first, first]);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= viewport.width, `${wide} > ${viewport.width}`);
    const rows = await page.$eval("#waiting-rows", (box) => box.scrollWidth - box.clientWidth);
    assert.ok(rows <= 0, `the rows are ${rows} too wide`);
    await page.close();
  }
});

test("while the same threads wait, only their times change", async () => {
  let ns = 1e9;
  const call = (name) => ({ function: name, file: "/src/pay.rs", line: 7 });
  answer = () => live(lock("orders", [waiter("worker-1", (ns += 1e9), { stack: [call("shop::lock"), call("shop::pay")] })]));
  const page = await openLive();
  await says(page, /2\.00 s worker-1 \(41\) to lock shop:: ?pay src\/pay\.rs:7/);
  assert.equal(await page.locator(".waiting-where").getAttribute("title"), "shop::lock  src/pay.rs:7\nshop::pay  src/pay.rs:7");
  await page.$eval(".waiting-who", (line) => (line.dataset.mine = "here"));
  await says(page, /4\.00 s/);
  assert.equal(await page.locator(".waiting-who").getAttribute("data-mine"), "here");
  await page.close();
});

test("it is asked each second, never twice at a time, and not while paused or out of view", async () => {
  answer = () => live();
  const page = await openLive();
  await says(page, /Nobody/);
  // Answers arrive on the real clock, which the test's does not wait for.
  const run = async (seconds) => {
    const from = asked;
    for (let step = 0; step < 5 * seconds; step += 1) {
      await page.clock.runFor(200);
      await sleep(10);
    }
    return asked - from;
  };
  const often = await run(10);
  assert.ok(often >= 7 && often <= 11, `asked ${often} times in 10 s`);

  let answered;
  answer = () => new Promise((done) => (answered = () => done(live())));
  await run(2);
  assert.equal(await run(5), 0, "while an answer is awaited");
  answer = () => live();
  answered();
  // An answer that took 7 s is followed by a rest that is as much longer.
  assert.ok((await run(35)) > 1);

  await page.locator("#pause").click();
  await run(1);
  assert.equal(await run(10), 0, "paused");
  assert.match(await page.locator("#waiting-sum").evaluate((sum) => getComputedStyle(sum, "::after").content), /paused/);
  await page.locator("#pause").click();
  assert.ok((await run(3)) > 0);

  const view = (hidden) =>
    page.evaluate((value) => {
      Object.defineProperty(document, "hidden", { value, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  await view(true);
  await run(1);
  assert.equal(await run(10), 0, "out of view");
  await view(false);
  assert.ok((await run(3)) > 0);
  await page.close();
});

test("of a program that does not say it there is no panel, until one does", async () => {
  answer = () => [404, "404 page not found"];
  const page = await openLive();
  await says(page, null);
  const before = asked;
  await page.clock.runFor(30000);
  assert.equal(asked, before, "it is asked seldom");
  answer = () => live();
  await says(page, /Nobody waits/, 700);
  assert.deepEqual(page.said.filter((line) => !line.includes("404")), []);
  await page.close();
});

test("what is known stays while no answer comes, and is said to be old", async () => {
  answer = () => live(lock("orders", [waiter("worker-1", 1e9)]));
  const page = await openLive();
  await says(page, /worker-1/);
  answer = () => [502, "cannot fetch it"];
  await says(page, /^Waiting now No answer\. As of \d\d:\d\d:\d\d orders .*worker-1/);
  answer = () => [200, { schema: 2 }];
  await says(page, /^Waiting now It cannot be read: its form has the version 2; this page knows 1\.$/);
  answer = () => live();
  await says(page, /^Waiting now Nobody waits\.$/);
  await page.close();
});

test("names are text, whatever is in them", async () => {
  const name = "<img src=x onerror=alert(1)>\u202e&amp;";
  const call = { function: `${name}::f`, file: name, line: 1 };
  answer = () =>
    live(lock(name, [waiter(name, 1e9, { wants: name, stack: [call] })], { held_by: "thread", holders: [{ ...janitor(null), thread_name: name }] }));
  const page = await openLive();
  await says(page, /<img src=x onerror=alert\(1\)>\ufffd&amp; held by <img .* 1\.00 s <img/);
  assert.equal(await page.locator("#waiting img").count(), 0);
  assert.deepEqual(page.said, []);
  await page.close();
});

for (const colorScheme of ["light", "dark"]) {
  test(`nothing of it is amiss for who cannot see well, ${colorScheme}`, async () => {
    const call = { function: "shop::checkout::pay", file: "/src/pay.rs", line: 7 };
    answer = () =>
      live(lock("orders", Array(9).fill(waiter("worker-1", 1e9, { stack: [call] })), { held_by: "thread", holders: [janitor(3e9)] }));
    const page = await openLive({ colorScheme });
    await says(page, /janitor/);
    await page.clock.resume();
    await page.evaluate(require("axe-core").source);
    const found = await page.evaluate(() => axe.run());
    assert.deepEqual(found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html)}`), []);
    await page.close();
  });
}

test("a page of files has no such panel", async () => {
  const page = await open({ "locks.json": shop() });
  assert.equal(await page.locator("#waiting").isHidden(), true);
  await page.close();
});
