// Asks a running program for its profile, again and again.

// At least so long from one answer to the next question; longer if an answer
// takes long, so that looking costs the program a tenth of one processor at most.
const interval = 2000;
const rest = 9;

export class Live {
  // `on` has `profile(json)` and `trouble(text)`.
  constructor(url, on) {
    Object.assign(this, { url, on, paused: false, timer: 0, asking: false });
    document.addEventListener("visibilitychange", () => this.schedule(0));
  }

  async ask() {
    if (this.asking) return;
    this.asking = true;
    const began = performance.now();
    try {
      const answer = await fetch(this.url, { cache: "no-store", signal: AbortSignal.timeout(60000) });
      if (!answer.ok) throw new Error((await answer.text()).slice(0, 200) || `status ${answer.status}`);
      const json = await answer.json();
      if (!this.paused) this.on.profile(json);
    } catch (error) {
      this.on.trouble(error instanceof Error ? error.message : String(error));
    } finally {
      this.asking = false;
    }
    this.schedule(Math.max(interval, rest * (performance.now() - began)));
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
