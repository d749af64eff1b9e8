// A program that is stuck: what its page says of who waits, against what the program
// says itself; the page as the program serves it, and as `holdup web` does.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { newPage, painted, start, stop } from "./browser.js";

// The example `serve` of holdup, the command, and where pictures go.
const { HOLDUP_SERVE, HOLDUP_COMMAND, HOLDUP_PICTURES } = process.env;

const most = 10e6;

let program;
const running = [];

// Starts it, and returns the address in the first line that it prints.
async function started(command, ...args) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  running.push(child);
  for await (const line of createInterface({ input: child.stdout })) return new URL(/http:\S+/.exec(line)[0]).origin;
  throw new Error(`${command} ended`);
}

before(async () => {
  await start();
  if (HOLDUP_SERVE) program = await started(HOLDUP_SERVE, "127.0.0.1:0", "--stuck");
});

after(async () => {
  for (const child of running) child.kill();
  await stop();
});

// The stuck lock, and when that was, as the program says it.
async function said() {
  const live = await (await fetch(`${program}/debug/holdup/live`)).json();
  return { time: live.time_unix_ns, lock: live.locks.find(({ name }) => name === "journal") };
}

// The same as the page shows it, all of one moment.
function seen(page) {
  return page.evaluate(() => {
    const box = document.getElementById("waiting-rows");
    const lock = [...box.querySelectorAll(".waiting-lock")].find((one) => one.querySelector(".waiting-name").textContent === "journal");
    const text = (of, part) => of.querySelector(part).textContent;
    return {
      time: Number(box.dataset.time),
      held: text(lock, ".waiting-held"),
      holder: text(lock, ".waiting-holder"),
      waiters: [...lock.querySelectorAll(".waiting-thread")].map((one) => ({
        who: text(one, ".waiting-who > span"),
        wish: text(one, ".waiting-wish"),
        where: text(one, ".waiting-where"),
        short: text(one, ".waiting-time"),
        exact: one.querySelector(".waiting-time").title,
      })),
    };
  });
}

// "1,234.567 ms" in nanoseconds.
const nanoseconds = (text) => 1e6 * Number(/^([\d,]+\.\d{3}) ms$/.exec(text)[1].replaceAll(",", ""));

// Compares what the page shows with what the program says before and after, and returns
// how far from each other they are if all go on waiting as the program's clock goes on.
async function compared(page) {
  // All three wait before anything is compared.
  let earlier;
  do earlier = await said();
  while (earlier.lock?.waiters.length !== 3);
  await page.waitForFunction((time) => Number(document.getElementById("waiting-rows").dataset.time) > time, earlier.time, { polling: 20 });
  const shown = await seen(page);
  const later = await said();

  assert.equal(shown.holder, "flusher");
  assert.match(shown.held, /^held by flusher \(\d+\)$/);
  assert.deepEqual(shown.waiters.map(({ who }) => who), ["writer-1", "writer-2", "writer-3"]);
  const offs = shown.waiters.map(({ wish, where, short, exact }, index) => {
    assert.equal(wish, "to lock");
    assert.match(where, /^serve::wait_for_the_journalexamples\/serve\.rs:\d+$/);
    assert.match(short, /^\d+(\.\d+)? m?s$/);
    const waited = nanoseconds(exact);
    const bounds = [earlier, later].map(({ lock }) => lock.waiters[index].waited_ns);
    assert.ok(bounds[0] - most <= waited && waited <= bounds[1] + most, `${bounds[0]} <= ${waited} <= ${bounds[1]}`);
    return [earlier, later].map(({ time }, which) => Math.abs(waited - (bounds[which] + shown.time - time)));
  });
  return Math.max(...offs.flat());
}

async function check(address, picture) {
  const page = await newPage();
  await page.goto(address);
  await page.waitForSelector("body[data-ready]");
  await page.waitForSelector(".waiting-lock");
  // A program that was stopped between its two clocks says a time that is no better: then
  // once more.
  let off = Infinity;
  for (let take = 0; take < 3 && off > most; take += 1) off = await compared(page);
  assert.ok(off <= most, `off by ${off} ns`);

  if (picture) {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await painted(page);
      await page.screenshot({ path: join(HOLDUP_PICTURES, `waiting-${colorScheme}.png`) });
    }
    await page.setViewportSize({ width: 390, height: 800 });
    await painted(page);
    await page.screenshot({ path: join(HOLDUP_PICTURES, "waiting-narrow.png") });
  }
  assert.deepEqual(page.said, []);
  assert.deepEqual(page.asked.filter((url) => !url.startsWith(address) && !url.startsWith("data:")), []);
  await page.close();
}

test("a stuck program's own page says who waits, for whom and how long", { skip: !HOLDUP_SERVE }, () =>
  check(`${program}/debug/holdup/`, true));

test("so does `holdup web` of that program", { skip: !HOLDUP_SERVE || !HOLDUP_COMMAND }, async () =>
  check(`${await started(HOLDUP_COMMAND, "web", "--no-open", program)}/`, false));
