// A headless Chromium and the page in it. What the page says on the console, and
// what it asks the network for, is kept: both must be nothing.

import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

// Where `npm install` put playwright-core, the browser, and the maker of pages
// (the example `page` of this crate).
const { HOLDUP_NODE_MODULES, HOLDUP_CHROMIUM, HOLDUP_PAGE } = process.env;

export const require = createRequire(join(HOLDUP_NODE_MODULES, "for.js"));

let browser = null;
const folder = mkdtempSync(join(tmpdir(), "holdup-page-"));

export async function start() {
  const { chromium } = require("playwright-core");
  // In a container, as root, Chromium has no sandbox. It loads nothing but our page.
  const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
  browser = await chromium.launch({ executablePath: HOLDUP_CHROMIUM, args });
}

export async function stop() {
  await browser?.close();
  rmSync(folder, { recursive: true });
}

let files = 0;

// The document for these profiles: { title: profile }.
export function documentOf(profiles) {
  const paths = Object.entries(profiles).map(([title, profile]) => {
    const path = join(folder, title);
    writeFileSync(path, typeof profile === "string" ? profile : JSON.stringify(profile));
    return title;
  });
  // Run in the folder: so the titles are the bare names.
  return execFileSync(HOLDUP_PAGE, paths, { cwd: folder, maxBuffer: 1 << 30 });
}

// `urls`: of the profile, and of who waits now.
export function liveDocument(title, ...urls) {
  return execFileSync(HOLDUP_PAGE, ["--live", title, ...urls]);
}

export async function newPage(options = {}) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, ...options });
  page.said = [];
  page.asked = [];
  page.on("console", (message) => {
    // That is of the tests: the page itself never reads a canvas.
    if (!message.text().includes("willReadFrequently")) page.said.push(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => page.said.push(`error: ${error.stack}`));
  page.on("request", (request) => page.asked.push(request.url()));
  return page;
}

// Opens the page of these profiles.
export async function open(profiles, options) {
  files += 1;
  const path = join(folder, `page${files}.html`);
  writeFileSync(path, documentOf(profiles));
  const page = await newPage(options);
  await page.goto(pathToFileURL(path).href);
  await page.waitForSelector("body[data-ready]");
  await painted(page);
  return page;
}

// When what was asked for has been drawn.
export function painted(page) {
  return page.evaluate(
    () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
  );
}

// The rows of a table: for each the texts of the cells that are seen.
export function rows(page, table) {
  return page.$$eval(`#${table} tbody tr`, (lines) =>
    lines.map((line) =>
      [...line.cells].filter((cell) => cell.offsetParent !== null).map((cell) => cell.textContent),
    ),
  );
}

// The entries of a list in the detail: name, share, value.
export function entries(page, list) {
  return page.$$eval(`#${list} li`, (items) =>
    items.map((item) => [...item.children].slice(0, 3).map((part) => part.textContent)),
  );
}

// Presses on a row by the text of its first cell.
export async function choose(page, table, name) {
  await page.locator(`#${table} tbody tr`, { has: page.getByText(name, { exact: true }) }).first().click();
  await painted(page);
}

export async function press(page, key) {
  await page.keyboard.press(key);
  await painted(page);
}

// A place in a flame graph: the row, and how far from the left, from 0 to 1.
export async function at(page, id, row, part) {
  const box = await page.locator(`#${id} canvas`).boundingBox();
  return [box.x + box.width * part, box.y + row * 21 + 10];
}

export async function hover(page, id, row, part) {
  await page.mouse.move(...(await at(page, id, row, part)));
  await painted(page);
  return page.locator("#tooltip").innerText();
}

// The colour there, as red, green and blue, left of what is written.
export async function color(page, id, row, part) {
  return page.$eval(
    `#${id} canvas`,
    (canvas, [line, share]) => {
      const ratio = devicePixelRatio;
      const [x, y] = [canvas.width * share, (line * 21 + 4) * ratio];
      return [...canvas.getContext("2d").getImageData(x, y, 1, 1).data].slice(0, 3);
    },
    [row, part],
  );
}
