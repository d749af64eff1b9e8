// What colours mean. The hue of a box is its module (or its lock); the more of
// its time went to critical sections that this very function ended, the
// stronger. In a comparison red grew and blue shrank.

import { names } from "./names.js";

// Far apart for the first few, which most of the picture is made of.
const hues = [48, 250, 155, 330, 205, 95, 290, 20, 125, 225, 355, 180];

// Modules and locks each have the list for themselves.
const given = { module: new Map(), lock: new Map() };

const themes = {
  light: {
    ink: "#1b1d22",
    faint: "#6b7079",
    whole: "oklch(0.93 0.004 260)",
    lock: "oklch(0.87 0.014 260)",
    note: "oklch(0.89 0.004 260)",
    thin: "oklch(0.86 0.006 260)",
    gap: "#ffffff",
    accent: "oklch(0.50 0.19 285)",
    pale: [0.925, 0.042],
    strong: [0.79, 0.118],
    same: "oklch(0.92 0.004 260)",
    grown: [0.92, 0.68, 0.03, 0.17, 27],
    shrunk: [0.92, 0.72, 0.03, 0.12, 250],
  },
  dark: {
    ink: "#f1f1ee",
    faint: "#a2a8b3",
    whole: "oklch(0.31 0.008 260)",
    lock: "oklch(0.38 0.018 260)",
    note: "oklch(0.34 0.006 260)",
    thin: "oklch(0.36 0.008 260)",
    gap: "#1a1c20",
    accent: "oklch(0.80 0.13 285)",
    pale: [0.37, 0.042],
    strong: [0.525, 0.112],
    same: "oklch(0.34 0.004 260)",
    grown: [0.36, 0.52, 0.03, 0.16, 27],
    shrunk: [0.36, 0.52, 0.03, 0.13, 250],
  },
};

let theme = themes.light;
const cache = new Map();

export function useTheme(name) {
  theme = themes[name];
  cache.clear();
}

export function colors() {
  return theme;
}

// The hue of a module or a lock, the same as long as the page is open: who comes
// first takes the next of the list.
export function hueOf(name, kind = "module") {
  let hue = given[kind].get(name);
  if (hue === undefined) {
    hue = hues[given[kind].size % hues.length];
    given[kind].set(name, hue);
  }
  return hue;
}

// `strength` from 0 to 1, in steps, so that few different colours are made.
export function fill(hue, strength) {
  const step = Math.round(strength * 8);
  const key = hue * 16 + step;
  let color = cache.get(key);
  if (!color) {
    const mix = (index) => theme.pale[index] + ((theme.strong[index] - theme.pale[index]) * step) / 8;
    color = `oklch(${mix(0).toFixed(3)} ${mix(1).toFixed(3)} ${hue})`;
    cache.set(key, color);
  }
  return color;
}

// The colour of a node by its module or by its lock.
export function nodeColor(tree, node, slot, by) {
  if (node === 0) return theme.whole;
  const name = names[tree.name[node]];
  if (name.kind === "note") return theme.note;
  const strength = Math.sqrt(tree.self[slot][node] / (tree.total[slot][node] || 1));
  if (by === "lock") {
    let lock = node;
    while (tree.depth[lock] > 1) lock = tree.parent[lock];
    return fill(hueOf(names[tree.name[lock]].text, "lock"), name.kind === "lock" ? 0.5 : strength);
  }
  if (name.kind === "lock") return theme.lock;
  return fill(hueOf(name.module), strength);
}

// How much something changed, from -1 (gone) over 0 to 1 (new).
export function changeOf(before, after) {
  const most = Math.max(before, after);
  return most > 0 ? (after - before) / most : 0;
}

export function changeColor(before, after) {
  const changed = changeOf(before, after);
  // What differs by less than 2 % does so from run to run.
  if (Math.abs(changed) < 0.02) return theme.same;
  const [pale, strong, little, much, hue] = changed > 0 ? theme.grown : theme.shrunk;
  const part = Math.sqrt(Math.abs(changed));
  const lightness = (pale + (strong - pale) * part).toFixed(3);
  return `oklch(${lightness} ${(little + (much - little) * part).toFixed(3)} ${hue})`;
}
