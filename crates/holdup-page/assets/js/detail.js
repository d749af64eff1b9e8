// What stands beside the flame graph: of a choice, whom it held up, the longest
// waits, and, of a lock, how its waits are distributed. Without a choice, the
// longest waits of all.

import { make } from "./dom.js";
import { clock, count, share, time, change, unknown } from "./units.js";
import { names, place, shown } from "./names.js";
import { nodeColor } from "./color.js";
import { bar, histogram } from "./spark.js";
import { heading, mark, named } from "./columns.js";
import { entriesOf, longestOf, summed, victimTree, waiterOf } from "./view.js";
import { Flame } from "./flame.js";

const mostListed = 8;

export class Detail {
  // `on` has `close()`, `zoom()`, `hover(tree, node, event)`, `function(name)`.
  constructor(box, on) {
    Object.assign(this, { box, on });
    this.flameBox = make("div", { className: "flame victims", id: "victims" });
    this.flame = new Flame(this.flameBox, "Flame graph of the threads that waited", {
      hover: (node, event) => on.hover(this.victims, node, event),
      choose: (node) => this.zoomVictims(node),
      zoom: (node) => this.zoomVictims(node),
    });
    this.opened = new Set();
  }

  zoomVictims(node) {
    this.flame.show(this.victims, { ...this.flameOptions, root: node });
  }

  show(view, choice, unit) {
    // A search, or another width, changes nothing here.
    if (view === this.view && choice === this.choice) return;
    Object.assign(this, { view, choice, unit });
    // While profiles come, who is at work in here stays where they are.
    const reachable = () => [...this.box.querySelectorAll("button, summary, canvas")];
    const focused = reachable().indexOf(document.activeElement);
    this.box.replaceChildren(...(choice === null ? this.overview() : this.chosen()));
    if (focused >= 0) reachable()[focused]?.focus({ preventScroll: true });
  }

  overview() {
    return [
      make("h2", {}, "Who was held up?"),
      make(
        "p",
        { className: "hint" },
        "Choose a culprit in the flame graph or in the list: here is then whom it held up, and for how long.",
      ),
      ...this.longest(),
    ];
  }

  chosen() {
    const { view, choice, unit } = this;
    const entries = entriesOf(view, choice);
    const total = entries.reduce((sum, { slot, value }) => sum + (slot === 0 ? value : 0), 0);
    const before = entries.reduce((sum, { slot, value }) => sum + (slot === 1 ? value : 0), 0);
    const id = choice.kind === "path" ? choice.path[choice.path.length - 1] : choice.name;
    const name = names[id];
    const lock = name.kind === "lock" ? view.after.locks.find((one) => one.name === id) : undefined;
    const close = make("button", { type: "button", className: "quiet", title: "Close (Esc)", "aria-label": "Close" }, "✕");
    close.addEventListener("click", () => this.on.close());
    const parts = [
      make(
        "header",
        { className: "detail-head" },
        make("p", { className: "kind" }, name.kind === "lock" ? "Lock" : name.kind === "note" ? "Without a stack" : `In ${name.module}`),
        close,
        make("h2", { title: name.text }, name.kind === "lock" ? name.text : heading(name)),
      ),
      make(
        "p",
        { className: "sum", id: "chosen-sum" },
        make("strong", {}, unit(total)),
        ` ${view.metric === "delay" ? "waited for it" : "contentions"}, `,
        `${share(total, view.tree.total[0][0])} of all`,
        view.before ? ` (before: ${unit(before)}, ${change(before, total, unit)})` : "",
      ),
    ];
    if (lock) parts.push(...this.lockFigures(lock));
    parts.push(...this.ended(entries, id), ...this.lines(entries, id), ...this.waited(entries, total), ...this.longest());
    return parts;
  }

  lockFigures(lock) {
    const figures = [
      ["waited", time(lock.waited_ns)],
      ["blamed", time(lock.blamed_ns)],
      ["handoff", time(lock.handoff_ns)],
      ["spun", time(lock.spun_ns)],
      ["waits", count(lock.waits)],
      ["contentions", count(lock.contentions)],
      ["p50", time(lock.p50_ns)],
      ["p90", time(lock.p90_ns)],
      ["p99", time(lock.p99_ns)],
      ["p99.9", time(lock.p999_ns)],
      ["longest", time(lock.longest_ns)],
      ["handoffs", count(lock.handoffs)],
    ];
    const list = figures.map(([term, text]) => make("div", {}, make("dt", {}, term), make("dd", {}, text)));
    const parts = [make("dl", { className: "figures" }, ...list)];
    if (lock.wait_histogram.length > 0) {
      parts.push(make("h3", {}, "How long threads waited"), histogram(lock.wait_histogram, "histogram of the waits"));
    }
    if (lock.hold_histogram.length > 0) {
      parts.push(make("h3", {}, "How long it was held, when others waited"), histogram(lock.hold_histogram, "histogram of the contended holds"));
    }
    return parts;
  }

  // Which functions ended the sections, where the choice is not one itself.
  ended(entries, id) {
    const rows = summed(
      entries.filter(({ sample }) => sample.kind !== "handoff"),
      ({ path }) => path[path.length - 1],
    );
    if (rows.length === 0 || (rows.length === 1 && rows[0][0] === id)) return [];
    return [
      make("h3", {}, "Sections ended by"),
      this.list(rows, "ended", (of) => this.link(of)),
    ];
  }

  link(id) {
    const button = make("button", { type: "button", className: "link", title: names[id].text }, mark(names[id]), named(names[id]));
    button.addEventListener("click", () => this.on.function(id));
    return button;
  }

  // The lines in which a function ended them.
  lines(entries, id) {
    if (names[id].kind !== "function") return [];
    const rows = summed(entries, ({ sample, profile }) => {
      const last = sample.path?.[sample.path.length - 1];
      const frame = last === undefined ? null : profile.frames[last];
      return frame !== null && frame.name === id && frame.file ? place(frame.file, frame.line) : null;
    });
    if (rows.length === 0) return [];
    return [make("h3", {}, "At"), this.list(rows, "lines", (of) => make("span", { className: "place", title: of }, of))];
  }

  list(rows, id, name) {
    const whole = rows.reduce((sum, [, value]) => sum + value, 0);
    const items = rows.slice(0, mostListed).map(([of, value]) =>
      make(
        "li",
        {},
        make("span", { className: "list-name" }, name(of)),
        make("span", { className: "list-share" }, share(value, whole)),
        make("span", { className: "list-value" }, this.unit(value)),
        bar(value, whole, "victim"),
      ),
    );
    if (rows.length > mostListed) {
      items.push(make("li", { className: "hint" }, `and ${count(rows.length - mostListed)} more`));
    }
    return make("ol", { className: "list", id }, ...items);
  }

  waited(entries, total) {
    const rows = summed(entries, ({ sample, profile }) => waiterOf(sample.victim, profile.frames));
    if (rows.length === 0) {
      return [
        make("h3", {}, "Who waited"),
        make("p", { className: "hint" }, "The profile does not say: it has no stacks of the waiters here."),
      ];
    }
    this.victims = victimTree(entries);
    this.flameOptions = {
      color: (node) => nodeColor(this.victims, node, 0, "module"),
      whole: `waited ${this.unit(this.victims.total[0][0])}`,
    };
    this.flameBox.style.height = `${Math.min(12, this.victims.deepest + 1) * 21 + 2}px`;
    this.flame.show(this.victims, this.flameOptions);
    const known = this.victims.total[0][0];
    return [
      make("h3", {}, "Who waited"),
      this.list(rows, "waiters", (of) => make("span", { title: names[of].text }, mark(names[of]), named(names[of]))),
      this.flameBox,
      known < 0.995 * total
        ? make("p", { className: "hint" }, `Of the rest, ${this.unit(total - known)}, the waiters' stacks are not known.`)
        : null,
    ].filter((part) => part !== null);
  }

  longest() {
    const waits = longestOf(this.view, this.choice);
    if (waits.length === 0) return [];
    return [
      make("h3", {}, "The longest waits"),
      make("ol", { className: "waits", id: "waits" }, ...waits.slice(0, mostListed).map((wait) => this.wait(wait))),
    ];
  }

  wait(wait) {
    const { frames } = this.view.after;
    const key = `${wait.lock.name} ${wait.time} ${wait.wait}`;
    const last = (path) => (path && path.length > 0 ? frames[path[path.length - 1]].name : null);
    const who = (before, name, thread) =>
      make(
        "span",
        { className: "who" },
        make("span", { className: "for" }, before),
        make("span", { className: "who-function" }, name === null ? unknown : names[name].tail),
        thread ? make("span", { className: "thread" }, shown(thread).slice(0, 64)) : null,
      );
    const stack = (title, path) =>
      make(
        "div",
        { className: "stack" },
        make("h4", {}, title),
        ...[...(path ?? [])].reverse().map((index) =>
          make("div", { title: names[frames[index].name].text }, named(names[frames[index].name]), make("span", { className: "place" }, ` ${place(frames[index].file, frames[index].line)}`)),
        ),
      );
    const details = make(
      "details",
      { open: this.opened.has(key) },
      make(
        "summary",
        {},
        make("span", { className: "wait-time" }, time(wait.wait), make("span", { className: "wait-when" }, clock(wait.time))),
        make(
          "span",
          { className: "wait-who" },
          who("", waiterOf(wait.victim, frames), wait.victimThread),
          who("held up by", last(wait.culprit), wait.culpritThread),
        ),
      ),
      stack("Waited", wait.victim),
      stack("Ended the section", wait.culprit),
    );
    details.addEventListener("toggle", () => {
      if (details.open) this.opened.add(key);
      else this.opened.delete(key);
    });
    return make("li", {}, details);
  }
}
