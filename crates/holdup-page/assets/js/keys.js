// The keyboard, and the help that says so.

import { byId, make } from "./dom.js";

const inGraph = [
  ["← → ↑ ↓", "In a flame graph: to a sibling, the caller, the largest call"],
  ["Enter", "Choose: whom did it hold up?"],
  ["Space", "Widen it to the whole width (also a double click)"],
];

// `actions` are { key, text, run }.
export function startKeys(actions) {
  const help = byId("help");
  const rows = [...actions.filter(({ text }) => text).map(({ keys, key, text }) => [keys ?? key, text]), ...inGraph];
  byId("help-keys").append(
    ...rows.map(([keys, text]) => make("div", {}, make("dt", {}, ...keys.split(" ").map((key) => make("kbd", {}, key))), make("dd", {}, text))),
  );
  byId("help-close").addEventListener("click", () => help.close());
  help.addEventListener("click", (event) => {
    if (event.target === help) help.close();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (help.open) return;
    const typing = ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName);
    if (typing && event.key !== "Escape") return;
    const action = actions.find(({ key }) => key === event.key);
    if (!action) return;
    event.preventDefault();
    action.run();
  });
}
