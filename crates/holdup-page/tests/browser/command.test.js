// What a user does: `holdup web` on the profile of the demo.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { newPage, painted, rows, start, stop } from "./browser.js";

const { HOLDUP_COMMAND, HOLDUP_DEMO, HOLDUP_PICTURES } = process.env;

before(start);
after(stop);

test("the demo's culprit is the first row of what `holdup web` serves", { skip: !HOLDUP_COMMAND }, async () => {
  const command = spawn(HOLDUP_COMMAND, ["web", "--no-open", HOLDUP_DEMO], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    let address;
    for await (const line of createInterface({ input: command.stdout })) {
      address = /http:\S+/.exec(line)[0];
      break;
    }
    for (const colorScheme of ["light", "dark"]) {
      const page = await newPage({ colorScheme });
      await page.goto(address);
      await page.waitForSelector("body[data-ready]");
      const culprits = await rows(page, "culprits");
      assert.match(culprits[0][0], /prune_and_sort/);
      await page.locator("#culprits tbody tr").first().click();
      await painted(page);
      assert.match(await page.locator("#waiters").textContent(), /merge_batch/);
      assert.match(await page.locator("#waits").textContent(), /prune_and_sort/);
      await page.mouse.move(0, 0);
      await page.screenshot({ path: join(HOLDUP_PICTURES, `${colorScheme}.png`) });
      assert.deepEqual(page.said, []);
      assert.deepEqual(page.asked.filter((url) => !url.startsWith(address) && !url.startsWith("data:")), []);
      await page.close();
    }
  } finally {
    command.kill();
  }
});
