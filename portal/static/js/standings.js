// The live leaderboard: takes rendered standings from the stream, puts them in place and moves the rows that moved.
// Without a stream it asks for the fragment every ten seconds; hidden tabs hold no connection.

const POLL_MS = 10_000;
const TRY_STREAM_AGAIN_MS = 60_000;
const MOVE_MS = 240;
const FLASH_MS = 1600;

const calm = matchMedia("(prefers-reduced-motion: reduce)");

class Leaderboard {
  constructor(section) {
    this.section = section;
    this.boardId = section.dataset.live;
    this.streamAddress = section.dataset.stream;
    this.lastEvent = "";
    this.paused = false;
    this.waiting = null;
    this.source = null;
    this.poll = 0;
    this.retry = 0;
    this.state = section.querySelector("[data-live-state]");
    this.words = section.querySelector("[data-live-words]");
    this.jump = section.querySelector("[data-jump]");
    this.pauseButton = section.querySelector("[data-pause]");
    this.pauseButton?.addEventListener("click", () => this.togglePause());
    if (this.pauseButton) this.pauseButton.hidden = false;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.close() : this.open()));
    addEventListener("pagehide", () => this.close());
    addEventListener("pageshow", (event) => event.persisted && this.open());
    this.open();
  }

  get board() {
    return document.getElementById(this.boardId);
  }

  say(what) {
    if (!this.state) return;
    this.state.hidden = false;
    this.state.dataset.liveState = what;
    this.words.textContent = this.words.dataset[what];
  }

  open() {
    if (!this.streamAddress || this.source || document.hidden) return;
    this.stopPolling();
    this.say(this.paused ? "paused" : "connecting");
    const after = this.lastEvent ? `&after=${encodeURIComponent(this.lastEvent)}` : "";
    const source = new EventSource(this.streamAddress + after);
    this.source = source;
    source.addEventListener("open", () => this.say(this.paused ? "paused" : "live"));
    source.addEventListener("standings", (event) => {
      this.lastEvent = event.lastEventId;
      this.receive(event.data);
    });
    source.addEventListener("moved", () => this.askForNewTicket());
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) this.fallBack();
      else this.say("connecting");
    });
  }

  close() {
    this.source?.close();
    this.source = null;
    this.stopPolling();
  }

  // The stream was refused: too many watch, or the ticket is over. Polling goes on meanwhile and brings a new ticket.
  fallBack() {
    this.close();
    if (document.hidden) return;
    this.say(this.paused ? "paused" : "polling");
    this.ask();
    this.poll = setInterval(() => this.ask(), POLL_MS);
    this.retry = setTimeout(() => this.open(), TRY_STREAM_AGAIN_MS);
  }

  // Who may see the race has changed: the page asks again, and hears of what comes next on another channel.
  async askForNewTicket() {
    this.close();
    this.lastEvent = "";
    await this.ask();
    this.open();
  }

  stopPolling() {
    clearInterval(this.poll);
    clearTimeout(this.retry);
  }

  async ask() {
    try {
      const answer = await fetch(this.section.dataset.address, { headers: { "HX-Request": "true" } });
      if (answer.status === 404) location.reload(); // it is no longer to be seen here
      if (!answer.ok) return;
      this.streamAddress = answer.headers.get("Paddock-Stream") || this.streamAddress;
      this.receive(await answer.text());
    } catch {
      // No network just now; the next time it is asked again.
    }
  }

  receive(html) {
    if (this.paused) {
      this.waiting = html;
      return;
    }
    const next = new DOMParser().parseFromString(html, "text/html").getElementById(this.boardId);
    const shown = this.board;
    if (!next || !shown || Number(next.dataset.version) < Number(shown.dataset.version)) return;
    if (next.dataset.state !== shown.dataset.state) {
      location.reload(); // opened or closed: more than the standings changes
      return;
    }
    this.markMine(next);
    const before = this.places(shown);
    Idiomorph.morph(shown, next, { morphStyle: "outerHTML" });
    this.animate(before);
    this.afterwards();
  }

  markMine(board) {
    const mine = this.section.dataset.me && board.querySelector(`#${CSS.escape(this.section.dataset.me)}`);
    if (this.jump) this.jump.hidden = !mine;
    if (!mine) return;
    mine.classList.add("mine");
    const badge = mine.querySelector(".you");
    if (badge) badge.hidden = false;
  }

  places(board) {
    const rows = board.querySelectorAll("tr[data-place]");
    return new Map([...rows].map((row) => [row.id, { top: row.getBoundingClientRect().top, run: row.dataset.run }]));
  }

  // Each row starts where it was and glides to where it is now (first, last, invert, play).
  animate(before) {
    for (const row of this.board.querySelectorAll("tr[data-place]")) {
      const was = before.get(row.id);
      if (was?.run !== row.dataset.run) this.flash(row);
      const moved = was ? was.top - row.getBoundingClientRect().top : 0;
      if (calm.matches || Math.abs(moved) < 1) continue;
      row.animate([{ transform: `translateY(${moved}px)` }, { transform: "none" }], {
        duration: MOVE_MS,
        easing: "ease-out",
      });
    }
  }

  flash(row) {
    row.classList.add("fresh");
    setTimeout(() => row.classList.remove("fresh"), FLASH_MS);
  }

  afterwards() {
    document.dispatchEvent(new CustomEvent("htmx:load", { detail: { elt: this.board } }));
    const own = document.getElementById("my-submissions");
    if (own) htmx.trigger(own, "refresh");
  }

  togglePause() {
    this.paused = !this.paused;
    const label = this.pauseButton.querySelector("[data-pause-words]");
    const other = label.dataset.resume;
    label.dataset.resume = label.textContent;
    label.textContent = other;
    this.say(this.paused ? "paused" : this.source ? "live" : "polling");
    if (!this.paused && this.waiting) {
      const html = this.waiting;
      this.waiting = null;
      this.receive(html);
    }
  }
}

for (const section of document.querySelectorAll("[data-live]")) new Leaderboard(section);
