// The broadcast of a LIVE race: where the car is follows from the server's clock, so everybody sees the same at a moment.

import { lapsOf, poseAt, readDrive } from "./drive.js";
import { TrackCanvas, fetchOutline, swatch } from "./track-canvas.js";

const PIECE_MS = 10_000;
const AHEAD_MS = 8_000; // less than the server gives out before its time
const ASK_AGAIN_MS = 700;
const POLL_MS = 5_000;
const COUNTED_S = 10;
const GO_MS = 1_500;
const TRAIL_ROWS = 30;
const SIGNS = { "best of the race": "◆", "personal best": "●", slower: "○", "not completed": "✕" };
const CLASSES = { "best of the race": "lap-best", "personal best": "lap-personal", slower: "lap-slower", "not completed": "lap-invalid" };

function time(ms) {
  if (ms === null || ms === undefined) return "–";
  const minutes = Math.floor(ms / 60_000);
  const seconds = ((ms % 60_000) / 1000).toFixed(3);
  return minutes ? `${minutes}:${seconds.padStart(6, "0")}` : seconds;
}

function bytesOf(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer;
}

class Broadcast {
  constructor(host, outline) {
    this.host = host;
    this.words = host.dataset;
    this.view = new TrackCanvas(host.querySelector("[data-live-map]"), outline, { label: this.words.label });
    this.view.onresize = () => this.draw();
    this.who = host.querySelector("[data-live-who]");
    this.clock = host.querySelector("[data-live-clock]");
    this.countdown = host.querySelector("[data-live-countdown]");
    this.winner = host.querySelector("[data-live-winner]");
    this.log = document.querySelector("[data-live-log]");
    this.queue = document.querySelector("[data-live-queue]");
    this.tiles = new Map([...host.querySelectorAll("[data-tile]")].map((tile) => [tile.dataset.tile, tile]));
    this.offset = null; // of the server's clock to this one, from the quickest answer
    this.quickest = Infinity;
    this.version = -1;
    this.forget();
  }

  forget() {
    this.pieces = [];
    this.asked = new Set();
    this.said = new Set();
    this.lapBegan = 0;
    this.best = null;
    this.log.replaceChildren();
    for (const tile of this.tiles.values()) this.write(tile, "–", "");
  }

  async ask() {
    try {
      const began = Date.now();
      const answer = await fetch(this.words.stateAddress);
      if (answer.status === 404) location.reload(); // it is no longer to be seen here
      if (!answer.ok) return;
      const state = await answer.json();
      const took = Date.now() - began;
      if (took <= this.quickest) {
        this.quickest = took;
        this.offset = state.server_ms + took / 2 - Date.now();
      }
      this.take(state);
    } catch {
      // No network just now; it is asked again.
    }
  }

  take(state) {
    if (state.version < this.version) return;
    this.version = state.version;
    const { stage } = state;
    const isAnother = stage?.run !== this.stage?.run || (stage?.state === "launched" && this.stage?.state !== "launched");
    this.stage = stage;
    if (isAnother) this.forget();
    this.view.carColour = swatch(stage?.colour ?? "teal");
    this.queue.replaceChildren(
      ...state.queue.map((alias) => Object.assign(document.createElement("li"), { textContent: alias })),
    );
    const nobody = document.querySelector("[data-live-nobody]");
    if (nobody) nobody.hidden = state.queue.length > 0;
    const won = state.winner ? `${state.winner.alias} ${this.words.winsWord} ${time(state.winner.time_ms)}` : "";
    this.winner.hidden = !won;
    this.winner.querySelector("span").textContent = won;
    this.who.textContent = stage ? stage.alias : won || this.words.empty;
    if (stage?.state === "finished") this.write(this.tiles.get("best"), time(stage.best_lap_ms));
  }

  follow() {
    this.ask();
    const source = new EventSource(this.words.stream);
    source.addEventListener("live", (event) => this.take(JSON.parse(event.data)));
    source.addEventListener("open", () => this.ask());
    source.addEventListener("moved", () => location.reload());
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) setInterval(() => this.ask(), POLL_MS);
    });
    addEventListener("pagehide", () => source.close());
    document.addEventListener("visibilitychange", () => !document.hidden && this.ask());
    const step = () => {
      this.draw();
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  now() {
    return Date.now() + (this.offset ?? 0);
  }

  // How far into its drive the car is; below zero before the start.
  position() {
    const { anchor_at_ms: at, anchor_ms: ms, speed_percent: speed } = this.stage;
    if (at === null) return ms;
    const passed = this.now() - at;
    return passed < 0 && ms === 0 ? passed : ms + (Math.max(0, passed) * speed) / 100;
  }

  draw() {
    const context = this.view.clear();
    const { stage } = this;
    this.count();
    if (!stage || !["driving", "finished"].includes(stage.state)) {
      this.write(this.clock, "–");
      return;
    }
    const end = this.end();
    const position = Math.min(Math.max(0, this.position()), end ?? Infinity);
    this.fetchPieces(position);
    this.write(this.clock, time(Math.round(position)));
    const found = this.at(position);
    if (found) {
      this.drawCar(context, found);
      this.read(found, position);
    }
    this.comment(end !== null && position >= end ? Infinity : position);
  }

  // Where the drive ends, once its last piece is here.
  end() {
    const last = this.pieces.at(-1);
    return last?.last ? last.number * PIECE_MS + (last.drive.rows / last.drive.rate) * 1000 : null;
  }

  at(position) {
    const piece = this.pieces[Math.floor(position / PIECE_MS)];
    if (!piece) return null;
    return { piece, row: Math.min(piece.drive.rows - 1, ((position - piece.number * PIECE_MS) / 1000) * piece.drive.rate) };
  }

  drawCar(context, { piece, row }) {
    const { drive } = piece;
    const points = [];
    for (let at = Math.max(0, Math.floor(row) - TRAIL_ROWS); at <= row; at += 1) points.push([drive.x(at), drive.y(at)]);
    this.view.stroke(context, points, "--ink-2", 2, false);
    for (const object of drive.objects) this.view.object(context, object.kind === 0, object.pose(Math.floor(row)));
    const { x, y, heading } = poseAt(drive, row);
    this.view.car(context, x, y, heading);
  }

  // Piece after piece from the beginning, so that all that was said is here; the next one a little ahead.
  fetchPieces(position) {
    const number = this.pieces.length;
    const isEarly = number * PIECE_MS > position + AHEAD_MS;
    if (isEarly || this.asked.has(number) || this.pieces.at(-1)?.last) return;
    this.asked.add(number);
    this.fetchPiece(this.stage.run, number);
  }

  async fetchPiece(run, number) {
    const again = () => setTimeout(() => this.asked.delete(number), ASK_AGAIN_MS);
    try {
      const answer = await fetch(this.words.pieces.replace("RUN", run) + number);
      if (!answer.ok) return void again();
      const piece = await answer.json();
      if (run !== this.stage?.run || number !== this.pieces.length) return;
      const drive = readDrive(bytesOf(piece.drive));
      this.pieces[number] = { ...piece, drive, laps: lapsOf(drive) };
    } catch {
      again();
    }
  }

  read({ piece, row }, position) {
    const { drive, laps } = piece;
    const at = Math.floor(row);
    this.write(this.tiles.get("lap"), String(drive.lap(at) + 1));
    this.write(this.tiles.get("speed"), `${drive.speed(at).toFixed(1)} m/s`);
    const begun = laps[drive.lap(at)]?.[0] ?? 0;
    if (begun > 0) this.lapBegan = piece.number * PIECE_MS + (begun / drive.rate) * 1000;
    if (this.stage.state === "driving") this.write(this.tiles.get("lap-time"), time(Math.round(Math.max(0, position - this.lapBegan))));
  }

  comment(position) {
    for (const piece of this.pieces) {
      for (const [index, line] of (piece?.lines ?? []).entries()) {
        const key = `${piece.number}-${index}`;
        if (line.ms > position || this.said.has(key)) continue;
        this.said.add(key);
        this.say(line);
      }
    }
  }

  say(line) {
    const entry = document.createElement("li");
    const moment = Object.assign(document.createElement("time"), { textContent: time(line.ms).replace(/\.\d+$/, "") });
    const text = Object.assign(document.createElement("span"), { textContent: line.text, className: CLASSES[line.mark] ?? "" });
    entry.append(moment, text);
    this.log.prepend(entry);
    if (line.kind === "sector") this.tile(`sector-${line.number}`, line);
    if (line.kind !== "lap") return;
    this.lapBegan = line.ms;
    if (this.best === null || line.time_ms < this.best.time_ms) {
      this.best = line;
      this.tile("best", line);
    }
  }

  tile(name, line) {
    this.write(this.tiles.get(name), `${time(line.time_ms)} ${SIGNS[line.mark] ?? ""}`, CLASSES[line.mark] ?? "");
  }

  // 10 … 1 before the start; the moment of the start is the server's.
  count() {
    const { stage } = this;
    let text = "";
    if (stage?.state === "launched" || stage?.state === "driving") {
      const start = stage.state === "driving" ? stage.anchor_at_ms : stage.countdown_ends_ms;
      const left = start - this.now();
      const atStart = stage.state === "launched" || stage.anchor_ms === 0;
      if (atStart && left > 0) text = String(Math.min(COUNTED_S, Math.ceil(left / 1000)));
      else if (stage.state === "launched") text = this.words.warming;
      else if (atStart && left > -GO_MS) text = this.words.go;
    } else if (stage?.state === "failed") text = this.words.failedWord;
    this.countdown.hidden = !text;
    this.countdown.classList.toggle("words", text.length > 3);
    this.write(this.countdown, text);
  }

  write(element, text, className) {
    if (element.textContent !== text) element.textContent = text;
    if (className !== undefined && element.className !== className) element.className = className;
  }
}

const host = document.getElementById("live-stage");
if (host) fetchOutline(host.dataset.outline).then((outline) => new Broadcast(host, outline).follow());
