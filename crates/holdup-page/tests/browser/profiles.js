// Profiles in JSON, made so that what the page must show of them is known.

// Takes a profile together, entering each frame, stack and lock once.
export class Builder {
  constructor({ seconds = 10, end = 1700000000, period = 100000 } = {}) {
    this.profile = {
      schema: 1,
      time_unix_ns: end * 1e9,
      duration_ns: seconds * 1e9,
      period_ns: period,
      locks: [],
      frames: [],
      stacks: [],
      samples: [],
      longest: [],
    };
    this.known = new Map();
  }

  once(table, key, value) {
    const id = `${table} ${key}`;
    if (!this.known.has(id)) {
      this.known.set(id, this.profile[table].length);
      this.profile[table].push(value);
    }
    return this.known.get(id);
  }

  // `calls` are names, innermost first; each is in a file of its own.
  stack(calls) {
    const frames = calls.map((name) =>
      this.once("frames", name, { function: name, file: `src/${name.split("::").at(-1)}.rs`, line: 7 }),
    );
    return this.once("stacks", frames.join(), frames);
  }

  lock(name) {
    return this.once("locks", name, {
      name,
      contentions: 0, waits: 0, waited_ns: 0, blamed_ns: 0, handoff_ns: 0, handoffs: 0, spun_ns: 0, spins: 0,
      longest_ns: null, p50_ns: null, p90_ns: null, p99_ns: null, p999_ns: null,
      wait_histogram: [], hold_histogram: [],
    });
  }

  // Critical sections that ended in `culprit` held up `victim`.
  blame(lock, culprit, victim, ms, count = 1) {
    const index = this.lock(lock);
    const sums = this.profile.locks[index];
    sums.contentions += count;
    sums.waits += count;
    sums.blamed_ns += ms * 1e6;
    sums.waited_ns += ms * 1e6;
    this.profile.samples.push({
      kind: "blame",
      lock: index,
      stack: culprit === null ? null : this.stack(culprit),
      victim: victim === null ? null : this.stack(victim),
      count,
      delay_ns: ms * 1e6,
    });
    return this;
  }

  handoff(lock, ms, count = 1) {
    const index = this.lock(lock);
    const sums = this.profile.locks[index];
    sums.handoffs += count;
    sums.handoff_ns += ms * 1e6;
    sums.waited_ns += ms * 1e6;
    this.profile.samples.push({ kind: "handoff", lock: index, stack: null, victim: null, count, delay_ns: ms * 1e6 });
    return this;
  }

  longest(lock, culprit, victim, ms, threads) {
    this.profile.longest.push({
      lock: this.lock(lock),
      wait_ns: ms * 1e6,
      culprit: this.stack(culprit),
      victim: this.stack(victim),
      culprit_thread: threads[0],
      victim_thread: threads[1],
      time_unix_ns: this.profile.time_unix_ns - 1e9,
    });
    return this;
  }

  shape(lock, shape) {
    Object.assign(this.profile.locks[this.lock(lock)], shape);
    return this;
  }
}

export const main = "shop::main::serve";

// 1000 ms in all: prune holds up pay and query, insert holds up pay; sessions
// are evicted while somebody refreshes them. `prune` scales what prune did.
export function shop({ prune = 1, ...options } = {}) {
  return new Builder(options)
    .blame("orders", ["shop::orders::prune", "shop::janitor::tick"], ["shop::checkout::pay", main], 450 * prune, 9)
    .blame("orders", ["shop::orders::prune", "shop::janitor::tick"], ["shop::search::query", main], 150 * prune, 3)
    .blame("orders", ["shop::orders::insert", main], ["shop::checkout::pay", main], 100, 40)
    .blame("sessions", ["shop::sessions::evict", "shop::janitor::tick"], ["shop::sessions::refresh", main], 200, 2)
    .handoff("orders", 100, 50)
    .longest("orders", ["shop::orders::prune", "shop::janitor::tick"], ["shop::checkout::pay", main], 80, ["janitor", "worker-1"])
    .longest("sessions", ["shop::sessions::evict", "shop::janitor::tick"], ["shop::sessions::refresh", main], 120, ["janitor", "worker-2"])
    .shape("orders", {
      longest_ns: 80e6, p50_ns: 1e6, p90_ns: 20e6, p99_ns: 60e6, p999_ns: 80e6,
      wait_histogram: [[1e6, 50], [20e6, 8], [80e6, 2]],
      hold_histogram: [[5e6, 12]],
    }).profile;
}

// What a function could be called by somebody who means no good.
export const hostileNames = [
  "<img src=x onerror=\"window.hacked=1\">",
  "</script><script>window.hacked=1</script>",
  "<svg onload=window.hacked=1>",
  "\"'><b>bold</b>",
  "javascript:window.hacked=1",
  "right\u202eto left\u2066isolated",
  "line\nbreak\u0000\u001b[31m",
  "__proto__",
  "constructor",
  "toString",
  "{{script}}",
  "%s%n{}$&$1",
  "x".repeat(10000),
  "👩‍👩‍👧".repeat(3000),
  "",
  " ",
  "(",
  "a<b<c",
  "]]>--><!--",
  "鎖".repeat(500),
];

export function hostile() {
  const builder = new Builder();
  hostileNames.forEach((name, index) => {
    builder.blame(name, [name, "shop::main"], [name, "shop::main"], 100 - index);
    builder.longest(name, [name], [name], 50 - index, [name, name]);
  });
  return builder.profile;
}

// `stacks` different call stacks, 30 calls deep, of which one has most.
export function large(stacks) {
  const builder = new Builder();
  let state = 1;
  const random = (below) => {
    // A linear congruential generator: the same profile each time.
    state = (state * 1664525 + 1013904223) % 4294967296;
    return Math.floor((state / 4294967296) * below);
  };
  for (let index = 0; index < stacks; index += 1) {
    const calls = [`leaf${index % 997}::end_${index}`];
    for (let depth = 0; depth < 29; depth += 1) {
      const width = Math.max(1, Math.floor(200 / (1 + depth)));
      calls.push(`module${depth % 12}::call_${depth}_${random(width)}`);
    }
    builder.blame(`lock ${index % 25}`, calls, [`waiter${index % 300}::wait`, ...calls.slice(20)], 1 + random(5));
  }
  builder.blame("lock 0", ["app::culprit", "app::main"], ["app::victim", "app::main"], 50000);
  return builder.profile;
}

// A profile in which 10,000 functions are called from one.
export function wide(functions) {
  const builder = new Builder();
  for (let index = 0; index < functions; index += 1) {
    builder.blame("lock", [`leaf${index}::end`, "app::main"], null, 1 + (index % 7));
  }
  return builder.profile;
}
