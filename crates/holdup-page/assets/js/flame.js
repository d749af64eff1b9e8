// A flame graph on a canvas: the whole at the top, calls downwards. Only what is
// wide enough to be seen is drawn, and only the rows in view, so that a picture
// costs by its size on the screen and not by the number of stacks.

import { make, oncePerFrame } from "./dom.js";
import { names } from "./names.js";
import { colors } from "./color.js";

const rowHeight = 21;
// What is narrower is drawn together with its neighbours, as one grey box.
const narrowest = 1.5;
const padding = 5;

export class Flame {
  // `on` has `hover(node, event)`, `choose(node)`, `zoom(node)`.
  constructor(box, label, on) {
    this.on = on;
    this.tree = null;
    this.slot = 0;
    this.root = 0;
    this.selected = new Set();
    this.cursor = -1;
    this.hovered = -1;
    this.matched = null;
    this.color = () => "#888";
    this.whole = "all";
    this.canvas = make("canvas", {
      tabIndex: 0,
      role: "application",
      "aria-roledescription": "flame graph",
      "aria-label": label,
      className: "flame-canvas",
    });
    this.spacer = make("div", { className: "flame-spacer" });
    this.box = box;
    box.append(this.canvas, this.spacer);
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.draw = oncePerFrame(() => this.paint());
    this.widths = new Map();
    new ResizeObserver(this.draw).observe(box);
    box.addEventListener("scroll", this.draw, { passive: true });
    this.canvas.addEventListener("mousemove", (event) => this.moved(event));
    this.canvas.addEventListener("mouseleave", (event) => this.hover(-1, event));
    this.canvas.addEventListener("click", (event) => {
      const node = this.nodeAt(event);
      if (node >= 0) this.choose(node);
    });
    this.canvas.addEventListener("dblclick", (event) => {
      const node = this.nodeAt(event);
      if (node >= 0) this.on.zoom(node);
    });
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("focus", this.draw);
    this.canvas.addEventListener("blur", this.draw);
  }

  show(tree, { slot = 0, root = 0, color, matched = null, selected = new Set(), whole }) {
    if (this.tree !== tree) [this.cursor, this.hovered] = [-1, -1];
    Object.assign(this, { tree, slot, root, color, matched, selected, whole });
    this.draw();
  }

  choose(node) {
    this.cursor = node;
    this.on.choose(node);
  }

  // Where a node is on the screen: its left edge and width, in pixels.
  extent(node) {
    const { tree, slot, root } = this;
    const whole = tree.total[slot][root] || 1;
    const scale = this.width / whole;
    return [(tree.start[slot][node] - tree.start[slot][root]) * scale, tree.total[slot][node] * scale];
  }

  paint() {
    const { context, canvas, box, tree } = this;
    // Not in view, as the graph of what was before when nothing is compared.
    if (box.clientWidth === 0) return;
    const ratio = window.devicePixelRatio || 1;
    [this.width, this.height] = [box.clientWidth, box.clientHeight];
    const [wide, high] = [Math.round(this.width * ratio), Math.round(this.height * ratio)];
    if (canvas.width !== wide || canvas.height !== high) {
      [canvas.width, canvas.height] = [wide, high];
      canvas.style.width = `${this.width}px`;
      canvas.style.height = `${this.height}px`;
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = colors().gap;
    context.fillRect(0, 0, this.width, this.height);
    this.drawn = 0;
    this.visited = 0;
    this.deepest = 0;
    this.first = Math.floor(box.scrollTop / rowHeight);
    this.last = Math.ceil((box.scrollTop + this.height) / rowHeight);
    context.font = getComputedStyle(canvas).font;
    context.textBaseline = "middle";
    if (tree !== null && tree.total[this.slot][0] > 0) {
      // The callers of the one that is looked at fill the width.
      for (let at = this.root; at >= 0; at = tree.parent[at]) this.drawNode(at, 0, this.width, at !== this.root);
      this.drawBelow();
    }
    const rows = (this.deepest + 1) * rowHeight;
    this.spacer.style.height = `${Math.max(0, rows - this.height)}px`;
    Object.assign(canvas.dataset, { drawn: this.drawn, visited: this.visited, rows: this.deepest + 1 });
  }

  drawBelow() {
    const { tree, slot } = this;
    const [total, start] = [tree.total[slot], tree.start[slot]];
    const scale = this.width / (total[this.root] || 1);
    const origin = start[this.root];
    const end = tree.end[this.root];
    // For each depth, up to where the row is filled with what is too narrow.
    const thin = new Map();
    let node = this.root + 1;
    while (node < end) {
      this.visited += 1;
      const width = total[node] * scale;
      const x = (start[node] - origin) * scale;
      const depth = tree.depth[node];
      if (width < narrowest) {
        if (width > 0) this.addThin(thin, depth, x, x + width);
        // Siblings come by what they weigh in all graphs of the tree together: if
        // that is too narrow here, so is all that follows.
        let weight = 0;
        for (const one of tree.total) weight += one[node];
        const last = weight * scale < narrowest;
        node = last ? this.afterSiblings(thin, node, x, scale, origin) : tree.end[node];
        continue;
      }
      this.deepest = Math.max(this.deepest, depth);
      if (depth > this.last) {
        // Below what is in view; how deep it goes is known without a look.
        this.deepest = Math.max(this.deepest, this.deepestBelow(node));
        node = tree.end[node];
        continue;
      }
      if (depth >= this.first) this.drawNode(node, x, width, false);
      node += 1;
    }
    for (const [depth, [from, to]] of thin) this.drawThin(depth, from, to);
  }

  // Skips all siblings that are left at once, and draws them as one.
  afterSiblings(thin, node, x, scale, origin) {
    const { tree, slot } = this;
    const parent = tree.parent[node];
    let right = tree.start[slot][parent] + tree.total[slot][parent] - tree.self[slot][parent];
    right = (right - origin) * scale;
    this.addThin(thin, tree.depth[node], x, right);
    return tree.end[parent];
  }

  addThin(thin, depth, from, to) {
    const pending = thin.get(depth);
    if (pending && from - pending[1] < 1) {
      pending[1] = Math.max(pending[1], to);
      return;
    }
    if (pending) this.drawThin(depth, pending[0], pending[1]);
    thin.set(depth, [from, to]);
  }

  drawThin(depth, from, to) {
    if (to - from < 0.25 || depth < this.first || depth > this.last) return;
    this.deepest = Math.max(this.deepest, depth);
    this.drawn += 1;
    this.context.fillStyle = colors().thin;
    const y = depth * rowHeight - this.box.scrollTop;
    this.context.fillRect(from, y + 6, Math.max(1, to - from), rowHeight - 13);
  }

  deepestBelow(node) {
    const { tree } = this;
    tree.reach ??= reachOf(tree);
    return tree.reach[node];
  }

  drawNode(node, x, width, above) {
    const { context, tree } = this;
    const y = tree.depth[node] * rowHeight - this.box.scrollTop;
    if (y + rowHeight < 0 || y > this.height) return;
    this.drawn += 1;
    const matched = this.matched === null || (node > 0 && this.matched[tree.name[node]]);
    const faint = above || !matched;
    context.globalAlpha = faint ? 0.45 : 1;
    context.fillStyle = this.color(node);
    const inner = Math.max(1, width - 1);
    if (inner > 6) {
      context.beginPath();
      context.roundRect(x, y, inner, rowHeight - 1, 2.5);
      context.fill();
    } else {
      context.fillRect(x, y, inner, rowHeight - 1);
    }
    if (this.matched !== null && matched) this.frame(x, y, inner, colors().accent, 1);
    if (node === this.hovered) this.frame(x, y, inner, colors().ink, 1);
    if (this.selected.has(node)) this.frame(x, y, inner, colors().ink, 2);
    if (node === this.cursor && document.activeElement === this.canvas) {
      this.frame(x, y, inner, colors().accent, 3);
    }
    if (inner > 22) this.write(node, x, y, inner, faint);
    context.globalAlpha = 1;
  }

  frame(x, y, width, color, line) {
    const { context } = this;
    context.strokeStyle = color;
    context.lineWidth = line;
    context.strokeRect(x + line / 2, y + line / 2, Math.max(0.5, width - line), rowHeight - 1 - line);
  }

  write(node, x, y, width, faint) {
    const { context, tree } = this;
    const room = width - 2 * padding;
    const name = node === 0 ? null : names[tree.name[node]];
    const text = name === null ? this.fitted([this.whole], room) : this.fitted([name.text, name.tail, name.last], room);
    if (text === "") return;
    context.globalAlpha = faint ? 0.75 : 1;
    context.fillStyle = colors().ink;
    context.fillText(text, x + padding, y + rowHeight / 2);
  }

  // The longest of `texts` that has room, or what has room of the last.
  fitted(texts, room) {
    for (const text of texts) if (this.textWidth(text) <= room) return text;
    const last = texts[texts.length - 1];
    const letter = this.textWidth("n");
    let length = Math.min(last.length, Math.floor(room / letter));
    while (length > 2 && this.textWidth(`${last.slice(0, length)}…`) > room) length -= 1;
    return length > 2 ? `${last.slice(0, length)}…` : "";
  }

  textWidth(text) {
    let width = this.widths.get(text);
    if (width === undefined) {
      if (this.widths.size > 20000) this.widths.clear();
      width = this.context.measureText(text).width;
      this.widths.set(text, width);
    }
    return width;
  }

  // The node below the mouse, or -1. By search, not by a list of what was drawn.
  nodeAt(event) {
    if (this.tree === null) return -1;
    const bounds = this.canvas.getBoundingClientRect();
    const x = event.clientX - bounds.left;
    const depth = Math.floor((event.clientY - bounds.top + this.box.scrollTop) / rowHeight);
    const { tree, slot } = this;
    if (depth < 0 || !(tree.total[slot][0] > 0)) return -1;
    if (depth <= tree.depth[this.root]) {
      let node = this.root;
      while (tree.depth[node] > depth) node = tree.parent[node];
      return node;
    }
    const value = tree.start[slot][this.root] + (x / this.width) * tree.total[slot][this.root];
    let node = this.root;
    while (tree.depth[node] < depth) {
      let child = node + 1;
      const end = tree.end[node];
      while (child < end && !(value < tree.start[slot][child] + tree.total[slot][child])) child = tree.end[child];
      if (child >= end) return -1;
      node = child;
    }
    return this.extent(node)[1] >= narrowest ? node : -1;
  }

  moved(event) {
    this.hover(this.nodeAt(event), event);
  }

  hover(node, event) {
    if (node !== this.hovered) {
      this.hovered = node;
      this.canvas.style.cursor = node >= 0 ? "pointer" : "default";
      this.draw();
    }
    this.on.hover(node, event);
  }

  key(event) {
    if (this.tree === null || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = this.neighbour(event.key);
    if (next !== undefined) {
      event.preventDefault();
      if (next < 0) return;
      this.cursor = next;
      this.scrollTo(next);
      this.on.cursor?.(next);
      this.draw();
    } else if (event.key === "Enter" && this.cursor >= 0) {
      event.preventDefault();
      this.choose(this.cursor);
    } else if ((event.key === " " || event.key === "z") && this.cursor >= 0) {
      event.preventDefault();
      event.stopPropagation();
      this.on.zoom(this.cursor);
    }
  }

  // Where a key leads to from the cursor: undefined if it leads nowhere ever,
  // -1 if not from here.
  neighbour(key) {
    if (!["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home"].includes(key)) return undefined;
    const { tree, slot } = this;
    if (this.cursor < 0 || key === "Home") return this.root;
    const seen = (node) => tree.total[slot][node] > 0;
    const parent = tree.parent[this.cursor];
    if (key === "ArrowUp") return parent;
    if (key === "ArrowDown") {
      const child = this.cursor + 1;
      return child < tree.end[this.cursor] && seen(child) ? child : -1;
    }
    if (parent < 0) return -1;
    if (key === "ArrowRight") {
      const sibling = tree.end[this.cursor];
      return sibling < tree.end[parent] && seen(sibling) ? sibling : -1;
    }
    let sibling = parent + 1;
    while (sibling < this.cursor && tree.end[sibling] < this.cursor) sibling = tree.end[sibling];
    return sibling < this.cursor && tree.end[sibling] === this.cursor ? sibling : -1;
  }

  // Brings the row of a node into view.
  scrollTo(node) {
    const y = this.tree.depth[node] * rowHeight;
    const { box } = this;
    if (y < box.scrollTop) box.scrollTop = y;
    else if (y + rowHeight > box.scrollTop + box.clientHeight) {
      box.scrollTop = y + rowHeight - box.clientHeight;
    }
  }
}

// For each node, how deep what is below it goes.
function reachOf(tree) {
  const reach = Int32Array.from(tree.depth);
  for (let node = tree.size - 1; node > 0; node -= 1) {
    reach[tree.parent[node]] = Math.max(reach[tree.parent[node]], reach[node]);
  }
  return reach;
}
