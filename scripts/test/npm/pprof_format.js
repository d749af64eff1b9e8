// Decodes profiles with pprof-format, a decoder that shares no code with ours,
// and compares what is in them with what holdup says.
//
// usage: node pprof_format.js MODULES HOLDUP NAME FILE...
//
// Fails unless each FILE is whole, has a function NAME, and its delays add up to
// those of `holdup report --json`.

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const zlib = require("node:zlib");
const assert = require("node:assert");
const { createRequire } = require("node:module");

const [modules, holdup, name, ...files] = process.argv.slice(2);
const { Profile } = createRequire(path.resolve(modules, "x.js"))("pprof-format");

for (const file of files) {
  const profile = Profile.decode(zlib.gunzipSync(fs.readFileSync(file)));
  const text = (index) => {
    const found = profile.stringTable.strings[Number(index)];
    assert.notStrictEqual(found, undefined, `${file}: string ${index}`);
    return found;
  };
  const types = profile.sampleType.map(({ type, unit }) => `${text(type)}/${text(unit)}`);
  assert.deepStrictEqual(types, ["contentions/count", "delay/nanoseconds"], file);

  const by = (table) => new Map(table.map((entry) => [Number(entry.id), entry]));
  const [locations, functions, mappings] = [profile.location, profile.function, profile.mapping].map(by);
  for (const { mappingId, line } of profile.location) {
    assert(Number(mappingId) === 0 || mappings.has(Number(mappingId)), `${file}: mapping ${mappingId}`);
    for (const { functionId } of line) assert(functions.has(Number(functionId)), `${file}: function ${functionId}`);
  }
  let delay = 0n;
  for (const sample of profile.sample) {
    assert.strictEqual(sample.value.length, 2, file);
    assert(sample.locationId.length > 0, `${file}: a sample without a place`);
    for (const id of sample.locationId) assert(locations.has(Number(id)), `${file}: location ${id}`);
    const labels = sample.label.map(({ key, str }) => [text(key), text(str)]);
    const kind = Object.fromEntries(labels).kind;
    assert(["blame", "handoff", "lost"].includes(kind), `${file}: kind ${kind}`);
    delay += BigInt(sample.value[1]);
  }
  const names = profile.function.map((one) => text(one.name));
  // A file with victims alone names those.
  const named = profile.comment.map(text).includes("holdup: contents=victims") || names.includes(name);
  assert(named, `${file} has no ${name}`);

  const report = JSON.parse(execFileSync(holdup, ["report", "--json", file]));
  const reported = report.rows.reduce((sum, row) => sum + BigInt(row.flat_ns), 0n);
  assert.strictEqual(delay, reported, file);
  console.log(`${file}: ${profile.sample.length} samples of ${delay} ns, ${profile.function.length} functions`);
}
