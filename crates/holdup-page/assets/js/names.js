// Names of functions and locks: each is entered once, in one table for all
// profiles, so that a number stands for the same function in each of them.

// The longest name that is shown; the rest of a longer one is left out in its middle.
const longestShown = 400;

const ids = new Map();
// By number: { kind, text, module, tail, last }.
export const names = [];

// The number of a name. `kind` is "function", "lock", or "note": what stands
// where there is no stack.
export function enter(kind, raw) {
  const key = `${kind} ${raw}`;
  let id = ids.get(key);
  if (id === undefined) {
    id = names.length;
    ids.set(key, id);
    names.push(entryOf(kind, raw));
  }
  return id;
}

function entryOf(kind, raw) {
  if (kind !== "function") {
    const text = shown(raw) || "(no name)";
    return { kind, text, module: text, tail: text, last: text };
  }
  const text = shown(withoutTypeArguments(raw)) || "(unknown function)";
  const parts = segments(text);
  // A closure says nothing without the function it is in.
  let from = parts.length - 1;
  while (from > 0 && parts[from].startsWith("{")) from -= 1;
  return {
    kind,
    text,
    module: moduleOf(text, parts),
    tail: parts.slice(Math.max(0, from - 1)).join("::"),
    last: parts.slice(from).join("::"),
  };
}

// The path of a function, taken apart at the `::` outside of brackets.
function segments(text) {
  const parts = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    const c = text[at];
    if (c === "<") depth += 1;
    else if (c === ">" && text[at - 1] !== "-") depth -= 1;
    else if (c === ":" && text[at + 1] === ":" && depth <= 0) {
      parts.push(text.slice(from, at));
      from = at + 2;
      at += 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}

// The module a function is in, three parts of its path at most; or the package
// in Go; or the library of code without names.
function moduleOf(text, parts) {
  const offset = /^(.+)\+0x[0-9a-f]+$/.exec(text);
  if (offset) return offset[1];
  // `<map::Map as Extend>::extend` is where its type is, and so is `map::Map::new`.
  const inner = /^[<&*\s]+(?:dyn |mut )?([\p{L}\p{N}_:]+)/u.exec(text);
  const path = inner ? inner[1].split("::") : parts.slice(0, -1);
  const end = path.findIndex((part) => !/^[\p{Ll}_][\p{L}\p{N}_]*$/u.test(part));
  const module = (end < 0 ? path : path.slice(0, end)).slice(0, 3).join("::");
  if (module !== "") return module;
  const go = /^(.*?[^./]*)\.[^/]*$/.exec(text);
  return go ? go[1] : "(other)";
}

// Without what is between angle brackets, so that all instances of a generic
// function are one; a bracket that begins a path keeps what is in it. A name
// whose brackets do not match, such as an operator's in C++, stays.
export function withoutTypeArguments(name) {
  if (!name.includes("<")) return name;
  let short = "";
  const open = [];
  let hidden = 0;
  let before = " ";
  for (const c of name) {
    let show = hidden === 0;
    if (c === "<") {
      const begins = !/[\p{L}\p{N}_}:]/u.test(before);
      open.push(begins);
      if (!begins && hidden === 0 && short.endsWith("::")) short = short.slice(0, -2);
      if (!begins) hidden += 1;
      show &&= begins;
    } else if (c === ">" && before !== "-") {
      if (open.length === 0) return name;
      if (!open.pop()) hidden -= 1;
    }
    if (show) short += c;
    before = c;
  }
  return open.length > 0 || short === "" ? name : short;
}

// What may be shown as it is: control characters, and those that turn the
// direction of what follows, are replaced by a sign that one can see.
export function shown(text) {
  const clean = String(text).replace(
    /[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\p{Cs}]/gu,
    "\ufffd",
  );
  if (clean.length <= longestShown) return clean;
  const half = longestShown / 2;
  // Not through the middle of a pair that is one character.
  const head = clean.slice(0, half).replace(/[\ud800-\udbff]$/, "");
  const tail = clean.slice(-half).replace(/^[\udc00-\udfff]/, "");
  return `${head}…${tail}`;
}

// Where std's start of a thread, or of the program, ends and its code begins.
export function isStartOfThread(raw) {
  return raw.includes("__rust_begin_short_backtrace");
}

// The last parts of a path to a source file.
export function place(file, line) {
  if (!file) return "";
  const parts = shown(file).split(/[\\/]/);
  const end = parts.slice(-2).join("/");
  return line ? `${end}:${line}` : end;
}
