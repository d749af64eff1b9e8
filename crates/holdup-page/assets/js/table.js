// A table that sorts by any of its columns, whose rows can be chosen with the
// mouse or the keyboard. It draws the first hundred rows and more on demand.

import { make } from "./dom.js";

const page = 100;

export class Table {
  // `columns`: { id, title, hint, value(row), cell(row) -> text or element,
  // text: whether it is text and not a figure, narrow: whether it goes when
  // there is little room }. `on` has `choose(row)`.
  constructor(box, label, columns, sort, on) {
    Object.assign(this, { box, columns, on, sort, rows: [], chosen: null, shown: page });
    this.descending = true;
    this.head = make("tr");
    this.body = make("tbody");
    this.table = make(
      "table",
      { "aria-label": label },
      make("thead", {}, this.head),
      this.body,
    );
    this.more = make("button", { type: "button", className: "more", hidden: true });
    this.more.addEventListener("click", () => {
      this.shown += 4 * page;
      this.draw();
    });
    box.append(this.table, this.more);
    this.body.addEventListener("click", (event) => {
      const row = this.rowOf(event.target);
      if (row) this.on.choose(row);
    });
    this.body.addEventListener("keydown", (event) => this.key(event));
    for (const column of columns) this.head.append(this.heading(column));
    this.showSort();
  }

  heading(column) {
    const button = make("button", { type: "button", title: column.hint }, column.title);
    button.addEventListener("click", () => {
      if (this.sort === column.id) this.descending = !this.descending;
      else [this.sort, this.descending] = [column.id, !column.text];
      this.showSort();
      this.draw();
    });
    const heading = make("th", { scope: "col", className: classOf(column) }, button);
    heading.dataset.column = column.id;
    if (column.value === undefined) button.replaceWith(make("span", { title: column.hint }, column.title));
    return heading;
  }

  showSort() {
    for (const heading of this.head.children) {
      const sorted = heading.dataset.column === this.sort;
      if (sorted) heading.setAttribute("aria-sort", this.descending ? "descending" : "ascending");
      else heading.removeAttribute("aria-sort");
    }
  }

  // `rows` have a `key` each; `chosen` is the key of the one that is chosen.
  show(rows, chosen) {
    const same = rows === this.rows;
    Object.assign(this, { rows, chosen });
    if (same) this.mark();
    else this.draw();
  }

  // Says which row is chosen, and leaves the rows as they are.
  mark() {
    for (const line of this.body.children) {
      line.setAttribute("aria-selected", String(line.dataset.key === String(this.chosen)));
    }
  }

  draw() {
    const focused = this.rowOf(document.activeElement)?.key;
    const { value } = this.columns.find((column) => column.id === this.sort);
    const direction = this.descending ? -1 : 1;
    this.sorted = [...this.rows].sort((a, b) => direction * compared(value(a), value(b)));
    const visible = this.sorted.slice(0, this.shown);
    // One row can be reached by the tabulator; the arrows lead to the others.
    const reachable = visible.find((row) => row.key === (focused ?? this.chosen)) ?? visible[0];
    this.body.replaceChildren(...visible.map((row) => this.line(row, row === reachable)));
    const hidden = this.sorted.length - visible.length;
    this.more.hidden = hidden === 0;
    this.more.textContent = `${hidden} more`;
    if (focused !== undefined) this.lineOf(focused)?.focus({ preventScroll: true });
  }

  line(row, reachable) {
    const line = make(
      "tr",
      { tabIndex: reachable ? 0 : -1, "aria-selected": String(row.key === this.chosen), title: row.title },
      ...this.columns.map((column) => make("td", { className: classOf(column) }, column.cell(row))),
    );
    line.dataset.key = row.key;
    return line;
  }

  rowOf(element) {
    const line = element?.closest?.("tr");
    if (!line || !this.body.contains(line)) return undefined;
    return this.rows.find((row) => String(row.key) === line.dataset.key);
  }

  lineOf(key) {
    return [...this.body.children].find((line) => line.dataset.key === String(key));
  }

  focus() {
    this.body.querySelector("tr[tabindex='0']")?.focus();
  }

  key(event) {
    const line = event.target.closest("tr");
    const to = { ArrowDown: line?.nextElementSibling, ArrowUp: line?.previousElementSibling }[event.key];
    if (to) {
      event.preventDefault();
      line.tabIndex = -1;
      to.tabIndex = 0;
      to.focus();
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      const row = this.rowOf(line);
      if (row) this.on.choose(row);
    }
  }
}

function classOf(column) {
  return `${column.text ? "text" : "figure"}${column.narrow ? " narrow" : ""}`;
}

// What is unknown is less than anything known.
function compared(a, b) {
  if (typeof a === "string") return a.localeCompare(b);
  return (a ?? -Infinity) === (b ?? -Infinity) ? 0 : (a ?? -Infinity) - (b ?? -Infinity);
}
