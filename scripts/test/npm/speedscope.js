// Opens files in speedscope (its own program, in a browser that is jsdom) and
// prints the table it shows of them.
//
// usage: node speedscope.js MODULES FILE NAME...
//
// Fails unless the sandwich view of FILE names each NAME, and no error came up.

const fs = require("node:fs");
const path = require("node:path");
const { createRequire } = require("node:module");

const [modules, file, ...names] = process.argv.slice(2);
const { JSDOM, VirtualConsole } = createRequire(path.resolve(modules, "x.js"))("jsdom");

const release = path.join(modules, "speedscope/dist/release");
const script = fs.readdirSync(release).find((name) => /^speedscope-.*\.js$/.test(name));
const errors = [];
// Without the source that Node would show: all of it is one line.
process.on("uncaughtException", (error) => {
  console.error(String(error.stack).slice(0, 1000));
  process.exit(1);
});
const console_ = new VirtualConsole();
console_.on("error", (...what) => errors.push(what.join(" ")));
console_.on("jsdomError", (error) => errors.push(error.message));

// A canvas on which nothing is drawn: constants are their own names, and each
// call answers what lets a caller go on.
const answers = {
  getContextAttributes: () => ({}),
  getExtension: () => null,
  getProgramParameter: (_, name) => (name.startsWith("ACTIVE_") ? 0 : true),
  getShaderParameter: () => true,
  checkFramebufferStatus: () => "FRAMEBUFFER_COMPLETE",
  getParameter: () => 4096,
  measureText: (text) => ({ width: text.length }),
};
const canvas = new Proxy(answers, {
  get: (known, name) => known[name] ?? (/^[A-Z0-9_]+$/.test(name) ? name : () => ({})),
  set: () => true,
});

// `localProfilePath` is how speedscope's own command hands a file over: a
// script that calls this function of the page. Here we call it ourselves.
const dom = new JSDOM("<!DOCTYPE html><body></body>", {
  url: "http://localhost/#localProfilePath=/none.js&view=sandwich",
  runScripts: "outside-only",
  pretendToBeVisual: true,
  virtualConsole: console_,
});
dom.window.TextDecoder = TextDecoder;
dom.window.TextEncoder = TextEncoder;
// What a page without a screen lacks.
dom.window.HTMLCanvasElement.prototype.getContext = () => canvas;
dom.window.Element.prototype.scrollIntoView = () => {};
dom.window.matchMedia = () => new dom.window.EventTarget();
dom.window.alert = (text) => errors.push(text);
dom.window.eval(fs.readFileSync(path.join(release, script), "utf8"));

const text = () => dom.window.document.body.textContent;
const seen = () => names.every((name) => text().includes(name));

async function main() {
  // The page is built in a later turn of the event loop.
  const until = async (what, condition) => {
    for (const start = Date.now(); !condition(); ) {
      if (Date.now() - start > 30_000) throw new Error(`no ${what}: ${text().slice(0, 500)}\n${errors.join("\n")}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await until("speedscope", () => dom.window.speedscope);
  dom.window.speedscope.loadFileFromBase64(path.basename(file), fs.readFileSync(file).toString("base64"));
  await until(`table with ${names.join(", ")}`, seen);
  console.log(`${path.basename(file)}: speedscope shows ${names.join(", ")}`);
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error.message);
    process.exit(1);
  },
);
