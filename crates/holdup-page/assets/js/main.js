// The page: what is chosen, and how a change of it reaches the parts.

import { announce, byId, make } from "./dom.js";
import { names } from "./names.js";
import { readProfile, sameRun, since, totals, Unreadable } from "./model.js";
import { findPath, matchedShare, pathOf } from "./tree.js";
import { changeColor, fill, hueOf, nodeColor } from "./color.js";
import { change, clock, count, ratio, share, time } from "./units.js";
import { culpritRows, described, lockRows, makeView, nodesOf, weights } from "./view.js";
import { culpritColumns, culpritColumnsOfDiff, lockColumns, lockColumnsOfDiff } from "./columns.js";
import { Flame } from "./flame.js";
import { Table } from "./table.js";
import { Detail } from "./detail.js";
import { History, historyOf } from "./history.js";
import { Live } from "./live.js";
import { startWaiting } from "./waiting-panel.js";
import { startTheme } from "./theme.js";
import { startKeys } from "./keys.js";

const state = {
  profiles: [], after: 0, before: -1,
  metric: "delay", colorBy: "module", even: true,
  choice: null, zoom: [], search: "",
  base: null, latest: null,
};
const history = new History();
let view = null;
let matched = null;
let parts = null;
let live = null;
let waiting = null;
// So that looking costs the program a tenth of one processor at most.
const paceOfProfiles = { interval: 2000, rest: 9 };

const unit = (value) => (state.metric === "delay" ? time(value) : count(value));

function choose(choice) {
  const same = JSON.stringify(choice) === JSON.stringify(state.choice);
  state.choice = same ? null : choice;
  if (choice?.kind === "lock") state.zoom = same ? [] : [choice.name];
  render();
  const [node] = view === null ? [] : nodesOf(view, state.choice);
  if (node !== undefined) {
    parts.flame.scrollTo(node);
    announce(`Chosen: ${spoken(node)}`);
  }
}

function chooseNode(node) {
  const path = pathOf(view.tree, node);
  choose(path.length === 0 ? null : path.length === 1 ? { kind: "lock", name: path[0] } : { kind: "path", path });
}

function zoomTo(node) {
  state.zoom = pathOf(view.tree, node);
  render();
}

function reset() {
  Object.assign(state, { choice: null, zoom: [], search: "" });
  byId("search").value = "";
  render();
}

// One step back: first the search, then the choice, then the zoom.
function back() {
  if (state.search !== "") {
    state.search = "";
    byId("search").value = "";
  } else if (state.choice !== null) {
    state.choice = null;
  } else {
    state.zoom = state.zoom.slice(0, -1);
  }
  document.activeElement?.blur?.();
  render();
}

function spoken(node) {
  const about = described(view, node);
  const name = about.name === null ? "everything" : about.name.text;
  return `${name}, ${unit(about.total)}, ${share(about.total, about.whole)}`;
}

// Works out everything anew: other profiles, or another way to look at them.
function update() {
  const after = state.profiles[state.after];
  const before = state.profiles[state.before] ?? null;
  if (!after) return;
  view = makeView(after, before, state.metric, state.even);
  colorByWeight();
  const rows = live ? history.rows : historyOf(state.profiles);
  parts.locks.show(lockRows(view, rows), null);
  header(after, before);
  render();
  document.body.dataset.ready = "true";
}

// The modules that are blamed most take the colours that differ most.
function colorByWeight() {
  for (const lock of [...view.after.locks].sort((a, b) => b.waited_ns - a.waited_ns)) hueOf(names[lock.name].text, "lock");
  view.culprits.set(null, culpritRows(view));
  for (const { name } of view.culprits.get(null)) {
    if (name.kind === "function") hueOf(name.module);
  }
}

// Shows `view` as it is chosen, zoomed and searched.
function render() {
  if (view === null) return;
  const root = Math.max(0, findPath(view.tree, state.zoom, false));
  const lock = state.choice?.kind === "lock" ? state.choice.name : null;
  const selected = new Set(nodesOf(view, state.choice));
  matched = matching(state.search);
  const two = view.before !== null;
  const { tree } = view;
  const show = (flame, slot, whole) =>
    flame.show(tree, {
      slot, root, matched, selected,
      color: (node) =>
        two
          ? changeColor(tree.total[1][node], tree.total[0][node])
          : nodeColor(tree, node, slot, state.colorBy),
      whole: `${whole} ${unit(tree.total[slot][0])}`,
    });
  show(parts.flame, 0, two ? "after:" : "all locks:");
  byId("flame-before-pane").hidden = !two;
  if (two) show(parts.flameBefore, 1, "before:");
  parts.locks.show(parts.locks.rows, lock);
  if (!view.culprits.has(lock)) view.culprits.set(lock, culpritRows(view, lock));
  parts.culprits.show(view.culprits.get(lock), state.choice?.kind === "function" ? state.choice.name : lastOf(state.choice));
  byId("culprits-title").textContent = lock === null ? "Culprits" : `Culprits of ${names[lock].text}`;
  parts.detail.show(view, state.choice, unit);
  searched();
  legend(two);
  byId("zoom-out").disabled = state.zoom.length === 0 && state.choice === null && state.search === "";
  byId("nothing").hidden = view.tree.total.some((total) => total[0] > 0);
}

function lastOf(choice) {
  return choice?.kind === "path" ? choice.path[choice.path.length - 1] : null;
}

// For each name whether it matches: parts in any order, or /a regular expression/.
function matching(text) {
  byId("search").setAttribute("aria-invalid", "false");
  if (text.trim() === "") return null;
  let test;
  if (/^\/.+\/$/.test(text)) {
    try {
      const expression = new RegExp(text.slice(1, -1), "iu");
      test = (name) => expression.test(name);
    } catch {
      byId("search").setAttribute("aria-invalid", "true");
      return null;
    }
  } else {
    const words = text.toLowerCase().split(/\s+/).filter((word) => word !== "");
    test = (name) => words.every((word) => name.toLowerCase().includes(word));
  }
  return names.map(({ text: name }) => test(name));
}

function searched() {
  const box = byId("matched");
  if (matched === null) {
    box.textContent = "";
    return;
  }
  const sum = matchedShare(view.tree, 0, matched);
  box.textContent = `${share(sum, view.tree.total[0][0])} matched, ${unit(sum)}`;
}

// The modules of the picture and their colours, the largest first.
function legend(two) {
  const box = byId("legend");
  if (view.legend === state.colorBy) return;
  view.legend = state.colorBy;
  if (two) {
    const part = (before, after, text) => {
      const square = make("span", { className: "mark" });
      square.style.background = changeColor(before, after);
      return make("li", {}, square, text);
    };
    box.replaceChildren(part(1, 3, "grew"), part(1, 1.01, "same"), part(3, 1, "shrank"));
    return;
  }
  const largest = [...weights(view, state.colorBy)].sort((a, b) => b[1] - a[1]).slice(0, 8);
  box.replaceChildren(
    ...largest.map(([name]) => {
      const square = make("span", { className: "mark" });
      square.style.background = fill(hueOf(name, state.colorBy), 1);
      return make("li", { title: name }, square, name);
    }),
    make("li", { className: "hint" }, "stronger: it ended the sections itself"),
  );
}

// Everything that has a colour of its own, once more.
function recolor() {
  if (view === null) return;
  view.legend = null;
  parts.detail.view = null;
  parts.locks.draw();
  parts.culprits.draw();
  render();
}

// What stands above all: of what the profile is, and the sums that balance.
function header(after, before) {
  const now = totals(after);
  const then = before ? totals(before) : null;
  const scale = view.scale;
  byId("profile").textContent = after.title;
  byId("profile").title = after.title;
  const covers = after.duration > 0 ? `covers ${time(after.duration)}` : "";
  byId("when").textContent = [covers, after.time ? `until ${clock(after.time, true)}` : ""].filter(Boolean).join(", ");
  const tile = (name, key, unitOf, hint) =>
    make(
      "div",
      { className: `tile ${key}`, title: hint },
      make("dt", {}, name),
      make(
        "dd",
        {},
        unitOf(now[key]),
        then
          ? make("span", { className: "tile-change" }, ratio((then[key] ?? 0) * (key === "longest_ns" ? 1 : scale), now[key] ?? 0))
          : null,
      ),
    );
  byId("balance-blamed").style.width = `${now.waited_ns > 0 ? (100 * now.blamed_ns) / now.waited_ns : 0}%`;
  byId("balance").setAttribute(
    "aria-label",
    `${share(now.blamed_ns, now.waited_ns)} of what was waited was blamed on critical sections, the rest is handoff`,
  );
  byId("tiles").replaceChildren(
    tile("Waited", "waited_ns", time, "The time of all waiters together"),
    tile("Blamed", "blamed_ns", time, "What of it critical sections caused"),
    tile("Handoff", "handoff_ns", time, "What of it passed while nobody held the lock"),
    tile("Contentions", "contentions", count, "Critical sections that ended while somebody waited"),
    tile("Waits", "waits", count, "Waits that ended"),
    tile("Longest", "longest_ns", time, "The longest wait"),
  );
}

function hover(tree, node, event, slot, described_) {
  const box = byId("tooltip");
  if (node < 0 || !tree) {
    box.hidden = true;
    return;
  }
  box.replaceChildren(...described_());
  box.hidden = false;
  const x = Math.min(event.clientX + 14, window.innerWidth - box.offsetWidth - 8);
  const below = event.clientY + 18;
  const y = below + box.offsetHeight > window.innerHeight ? event.clientY - box.offsetHeight - 10 : below;
  box.style.transform = `translate(${Math.max(4, x)}px, ${Math.max(4, y)}px)`;
}

// The lines of the tooltip for a node of the large graph.
function tooltip(node, slot) {
  const about = described(view, node, slot);
  const title = about.name === null ? "All locks" : about.name.text;
  const lines = [
    make("strong", {}, title),
    make("span", {}, `${unit(about.total)}, ${share(about.total, about.whole)}`),
  ];
  if (about.self > 0 && about.self < about.total) lines.push(make("span", {}, `${unit(about.self)} in sections it ended itself`));
  if (about.before !== null) lines.push(make("span", {}, `${unit(about.before)} → ${unit(about.after)}, ${ratio(about.before, about.after)}`));
  if (about.name !== null) lines.push(make("span", { className: "hint" }, "click: whom it held up · double click: widen"));
  return lines;
}

function build() {
  const flame = (id, label, slot) =>
    new Flame(byId(id), label, {
      hover: (node, event) => hover(view?.tree, node, event, slot, () => tooltip(node, slot)),
      choose: chooseNode,
      zoom: zoomTo,
      cursor: (node) => announce(spoken(node)),
    });
  const detail = new Detail(byId("detail"), {
    close: () => choose(null),
    hover: (tree, node, event) =>
      hover(tree, node, event, 0, () => [
        make("strong", {}, node === 0 ? "All who waited" : names[tree.name[node]].text),
        make("span", {}, `${unit(tree.total[0][node])} waited, ${share(tree.total[0][node], tree.total[0][0])}`),
      ]),
    function: (name) => choose({ kind: "function", name }),
  });
  parts = {
    flame: flame("flame", "Flame graph of the culprits: locks, then calls down to the function that ended the critical section", 0),
    flameBefore: flame("flame-before", "Flame graph of the culprits, before", 1),
    detail,
  };
}

function buildTables() {
  const two = state.before >= 0;
  byId("locks").replaceChildren();
  byId("culprits").replaceChildren();
  parts.locks = new Table(byId("locks"), "Locks", two ? lockColumnsOfDiff() : lockColumns(live !== null || state.profiles.length > 1), two ? "difference" : "waited", {
    choose: (row) => choose({ kind: "lock", name: row.key }),
  });
  const isCount = state.metric === "count";
  parts.culprits = new Table(
    byId("culprits"),
    "Culprits: functions that ended critical sections others waited for",
    two ? culpritColumnsOfDiff(unit) : culpritColumns(unit, isCount),
    two ? "difference" : "value",
    { choose: (row) => choose({ kind: "function", name: row.key }) },
  );
  document.body.classList.toggle("comparing", two);
}

// Which of several profiles are shown.
function pickers() {
  const several = state.profiles.length > 1;
  byId("compare").hidden = !several;
  if (!several) return;
  const options = (chosen) => state.profiles.map((profile, index) => new Option(profile.title, index, false, index === chosen));
  byId("after").replaceChildren(...options(state.after));
  byId("before").replaceChildren(new Option("nothing", -1, false, state.before < 0), ...options(state.before));
}

function compare(before, after) {
  Object.assign(state, { before, after });
  pickers();
  buildTables();
  update();
}

function setMetric(metric) {
  state.metric = metric;
  byId("metric-delay").setAttribute("aria-pressed", String(metric === "delay"));
  byId("metric-count").setAttribute("aria-pressed", String(metric === "count"));
  buildTables();
  update();
}

function setColorBy(by) {
  state.colorBy = by;
  byId("color-module").setAttribute("aria-pressed", String(by === "module"));
  byId("color-lock").setAttribute("aria-pressed", String(by === "lock"));
  render();
}

function trouble(text) {
  byId("trouble").textContent = text;
  byId("trouble").hidden = text === "";
}

// A new profile of a program that runs.
function arrived(json) {
  const profile = readProfile(json, state.title);
  if (state.latest && !sameRun(state.latest, profile)) state.base = null;
  state.latest = profile;
  history.add(profile);
  state.profiles = [state.base ? since(profile, state.base) : profile];
  trouble("");
  update();
}

function startLive({ url, title, waiting: urlOfWaiting }) {
  state.title = title;
  byId("profile").textContent = title;
  byId("live").hidden = false;
  const on = {
    answer: (json) => {
      try {
        arrived(json);
      } catch (error) {
        trouble(said(error));
      }
    },
    trouble: (text) => trouble(`No answer: ${text}. Trying again.`),
  };
  live = new Live(url, on, paceOfProfiles);
  if (urlOfWaiting) waiting = startWaiting(urlOfWaiting);
  buildTables();
  byId("pause").addEventListener("click", pause);
  byId("since-now").addEventListener("click", () => {
    state.base = state.base ? null : state.latest;
    byId("since-now").setAttribute("aria-pressed", String(state.base !== null));
    if (state.latest) {
      state.profiles = [state.base ? since(state.latest, state.base) : state.latest];
      update();
    }
  });
  live.schedule(0);
}

function pause() {
  if (!live) return;
  live.pause(!live.paused);
  waiting?.pause(live.paused);
  byId("pause").textContent = live.paused ? "Resume" : "Pause";
  document.body.classList.toggle("paused", live.paused);
}

function said(error) {
  if (error instanceof Unreadable || error instanceof SyntaxError) return `The profile cannot be read: ${error.message}.`;
  throw error;
}

function startEmbedded(documents) {
  for (const { title, profile } of documents) state.profiles.push(readProfile(profile, title));
  state.after = state.profiles.length - 1;
  // Two are there to be compared, more are a series in time.
  state.before = state.profiles.length === 2 ? 0 : -1;
  pickers();
  buildTables();
  update();
}

function wire() {
  let last = 0;
  byId("search").addEventListener("input", () => {
    cancelAnimationFrame(last);
    last = requestAnimationFrame(() => {
      state.search = byId("search").value;
      render();
    });
  });
  byId("zoom-out").addEventListener("click", reset);
  byId("metric-delay").addEventListener("click", () => setMetric("delay"));
  byId("metric-count").addEventListener("click", () => setMetric("count"));
  byId("color-module").addEventListener("click", () => setColorBy("module"));
  byId("color-lock").addEventListener("click", () => setColorBy("lock"));
  byId("before").addEventListener("change", (event) => compare(Number(event.target.value), state.after));
  byId("after").addEventListener("change", (event) => compare(state.before, Number(event.target.value)));
  byId("swap").addEventListener("click", swap);
  byId("even").addEventListener("change", (event) => {
    state.even = event.target.checked;
    update();
  });
  byId("help-open").addEventListener("click", () => byId("help").showModal());
}

function swap() {
  if (state.before >= 0) compare(state.after, state.before);
}

function start() {
  build();
  wire();
  const flip = startTheme(byId("theme"), recolor);
  startKeys([
    { key: "/", text: "Search; /parts in slashes/ are a regular expression", run: () => byId("search").focus() },
    { key: "Escape", keys: "Esc", text: "One step back: search, choice, zoom", run: back },
    { key: "r", text: "Reset: everything, nothing chosen", run: reset },
    { key: "l", text: "To the locks", run: () => parts.locks.focus() },
    { key: "c", text: "To the culprits", run: () => parts.culprits.focus() },
    { key: "g", text: "To the flame graph", run: () => parts.flame.canvas.focus() },
    { key: "w", text: "To those who wait now (a running program)", run: () => byId("waiting-rows").focus() },
    { key: "z", text: "Widen what is chosen", run: widen },
    { key: "m", text: "Time or contentions", run: () => setMetric(state.metric === "delay" ? "count" : "delay") },
    { key: "b", text: "Colours by module or by lock", run: () => setColorBy(state.colorBy === "module" ? "lock" : "module") },
    { key: "x", text: "Exchange before and after", run: swap },
    { key: "p", text: "Pause, or go on (a running program)", run: pause },
    { key: "t", text: "Dark or light", run: flip },
    { key: "?", text: "This help", run: () => byId("help").showModal() },
  ]);
  try {
    const source = JSON.parse(byId("source").textContent);
    if (source.url) startLive(source);
    else startEmbedded(source.profiles);
  } catch (error) {
    trouble(said(error));
  }
}

function widen() {
  const [node] = nodesOf(view, state.choice);
  if (node !== undefined) zoomTo(node);
}

start();
