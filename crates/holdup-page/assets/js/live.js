// Asks a running program for something, again and again.

// What the program answered instead of what it was asked for.
class Refused extends Error {
  constructor(text, status) {
    super(text);
    this.status = status;
  }
}

export class Live {
  // `on` has `answer(json)` and `trouble(text, status)`, the status null where none
  // came. `pace`: from one question to the next at least `interval` ms, and from an
  // answer to the next question `rest` times what the answer took.
  constructor(url, on, pace) {
    Object.assign(this, { url, on, pace, paused: false, timer: 0, asking: false });
    document.addEventListener("visibilitychange", () => this.schedule(0));
  }

  async ask() {
    if (this.asking) return;
    this.asking = true;
    const began = performance.now();
    try {
      const answer = await fetch(this.url, { cache: "no-store", signal: AbortSignal.timeout(60000) });
      if (!answer.ok) throw new Refused((await answer.text()).slice(0, 200) || `status ${answer.status}`, answer.status);
      const json = await answer.json();
      if (!this.paused) this.on.answer(json);
    } catch (error) {
      this.on.trouble(error instanceof Error ? error.message : String(error), error.status ?? null);
    } finally {
      this.asking = false;
    }
    const took = performance.now() - began;
    this.schedule(Math.max(this.pace.interval - took, this.pace.rest * took));
  }

  schedule(wait) {
    clearTimeout(this.timer);
    if (this.paused || document.hidden) return;
    this.timer = setTimeout(() => this.ask(), wait);
  }

  pause(paused) {
    this.paused = paused;
    this.schedule(0);
  }
}
