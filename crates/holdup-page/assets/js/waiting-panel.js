// The panel of who waits right now. It has one height, whatever is in it, so that
// nothing else on the page moves.

import { byId, make } from "./dom.js";
import { names } from "./names.js";
import { clock, count, exact, time } from "./units.js";
import { named } from "./columns.js";
import { readWaiting } from "./waiting.js";
import { Live } from "./live.js";

const everySecond = { interval: 1000, rest: 4 };
// A program that does not say it may be replaced by one that does.
const seldom = { interval: 60000, rest: 4 };

// Asks `url` again and again; what it returns can be paused.
export function startWaiting(url) {
  const panel = new WaitingPanel();
  const live = new Live(
    url,
    {
      answer: (json) => {
        live.pace = everySecond;
        panel.show(json);
      },
      trouble: (_, status) => {
        const none = status === 404;
        live.pace = none ? seldom : everySecond;
        panel.trouble(none);
      },
    },
    everySecond,
  );
  byId("waiting").hidden = false;
  live.schedule(0);
  return live;
}

class WaitingPanel {
  constructor() {
    this.time = 0;
    this.shape = "";
  }

  show(json) {
    let waiting;
    try {
      waiting = readWaiting(json);
    } catch (error) {
      this.draw([], "");
      this.sum(`It cannot be read: ${error.message}.`);
      return;
    }
    this.time = waiting.time;
    byId("waiting").hidden = false;
    byId("waiting-rows").dataset.time = waiting.time;
    // The same threads that wait on: only the times change, and what is selected,
    // or pointed at, stays.
    const shape = JSON.stringify([waiting.locks, waiting.moreLocks], (key, value) => (key === "ns" ? value === null : value));
    if (shape !== this.shape) this.draw(linesOf(waiting), shape);
    const times = byId("waiting-rows").querySelectorAll("[data-ns]");
    timesOf(waiting).forEach((ns, index) => tell(times[index], ns));
    this.sum(waiting.threads === 0 ? "" : `${threadsOf(waiting.threads)} for ${locksOf(waiting.locks.length + waiting.moreLocks)}`);
  }

  draw(lines, shape) {
    this.shape = shape;
    byId("waiting-rows").replaceChildren(...lines);
  }

  sum(text) {
    byId("waiting-sum").textContent = text;
  }

  // What is known stays, and is said to be old; `none`: the program does not say it.
  trouble(none) {
    if (none) byId("waiting").hidden = true;
    else this.sum(this.time ? `No answer. As of ${clock(this.time)}` : "No answer");
  }
}

const threadsOf = (number) => `${count(number)} ${number === 1 ? "thread" : "threads"}`;
const locksOf = (number) => `${count(number)} ${number === 1 ? "lock" : "locks"}`;

// All times that are shown, in their order on the page.
function timesOf({ locks }) {
  return locks.flatMap(({ holders, waiters }) => [...holders, ...waiters].map(({ ns }) => ns).filter((ns) => ns !== null));
}

function tell(element, ns) {
  element.textContent = time(ns);
  element.title = exact(ns);
  element.dataset.ns = ns;
}

function timer(className) {
  return make("span", { className, "data-ns": "" });
}

function linesOf({ locks, moreLocks }) {
  if (locks.length === 0) return [make("p", { className: "hint" }, "Nobody waits.")];
  const more = moreLocks > 0 ? make("li", { className: "hint" }, `and ${locksOf(moreLocks)} more`) : null;
  return [make("ol", {}, ...locks.map(lockLine), more)];
}

function lockLine(lock) {
  const more = lock.moreWaiters > 0 ? make("li", { className: "hint" }, `and ${threadsOf(lock.moreWaiters)} more`) : null;
  return make(
    "li",
    { className: "waiting-lock" },
    make(
      "p",
      { className: "waiting-head" },
      make("strong", { className: "waiting-name", title: `${lock.name} at ${lock.address}` }, lock.name),
      make("span", { className: "waiting-held" }, `${lock.lead} `, ...lock.holders.flatMap(holderPart)),
    ),
    make("ol", {}, ...lock.waiters.map(waiterLine), more),
  );
}

function holderPart({ who, number, ns }, index) {
  return [
    index > 0 ? ", " : "",
    make("span", { className: "waiting-holder" }, who),
    number ? make("span", { className: "thread" }, ` ${number}`) : "",
    ...(ns === null ? [] : [" for ", timer("waiting-since")]),
  ];
}

function waiterLine({ who, number, wish, name, at, calls }) {
  const stack = calls.map((call) => `${names[call.name].text}  ${call.at}`.trimEnd()).join("\n");
  const where =
    name === null
      ? []
      : [named(names[name]), make("span", { className: "place" }, at)];
  return make(
    "li",
    { className: "waiting-thread" },
    timer("waiting-time"),
    make("span", { className: "waiting-who", title: `${who} ${number}`.trimEnd() }, make("span", {}, who), make("span", { className: "thread" }, number ? ` ${number}` : "")),
    make("span", { className: "waiting-wish" }, wish),
    make("span", { className: "waiting-where", title: stack || null }, ...where),
  );
}
