// Replays a drive on the map of its track.

import { BOX, poseAt, readDrive } from "./drive.js";
import { TrackCanvas, bySpeed, fetchOutline, wantsStillness } from "./track-canvas.js";

class Replay {
  constructor(host, outline, drive) {
    const label = host.querySelector("svg")?.getAttribute("aria-label") ?? "";
    this.drive = drive;
    this.view = new TrackCanvas(host, outline, { colour: host.dataset.colour, label });
    this.view.canvas.tabIndex = 0;
    this.bar = document.getElementById("replay-bar");
    this.button = document.getElementById("replay-play");
    this.time = document.getElementById("replay-time");
    this.clock = document.getElementById("replay-clock");
    this.rate = document.getElementById("replay-speed");
    this.facts = document.getElementById("replay-facts");
    this.statuses = JSON.parse(host.dataset.statuses);
    this.lapWord = host.dataset.lap;
    this.pieces = bySpeed(drive.rows, (row) => [drive.x(row), drive.y(row)], drive.speed, { lapAt: drive.lap });
    this.row = 0;
    this.time.max = drive.rows - 1;
    this.bar.hidden = this.facts.hidden = document.getElementById("replay-keys").hidden = false;
    this.view.onresize = () => this.draw();
    this.button.addEventListener("click", () => this.play(!this.playing));
    this.time.addEventListener("input", () => this.seek(Number(this.time.value)));
    this.view.canvas.addEventListener("keydown", (event) => this.key(event));
    this.draw();
    if (!wantsStillness()) this.play(true);
  }

  play(playing) {
    this.playing = playing;
    if (playing && this.row >= this.drive.rows - 1) this.row = 0;
    const name = playing ? "pause" : "play";
    this.button.setAttribute("aria-label", this.button.dataset[name]);
    const use = this.button.querySelector("use");
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${name}`));
    this.last = undefined;
    if (playing) requestAnimationFrame((now) => this.frame(now));
  }

  frame(now) {
    if (!this.playing) return;
    const passed = this.last === undefined ? 0 : Math.min(0.1, (now - this.last) / 1000);
    this.last = now;
    this.row = Math.min(this.drive.rows - 1, this.row + passed * this.drive.rate * Number(this.rate.value));
    this.draw();
    if (this.row >= this.drive.rows - 1) this.play(false);
    else requestAnimationFrame((next) => this.frame(next));
  }

  seek(row) {
    this.row = Math.max(0, Math.min(this.drive.rows - 1, row));
    this.draw();
  }

  key(event) {
    const steps = { ArrowLeft: -this.drive.rate, ArrowRight: this.drive.rate, ",": -1, ".": 1 };
    if (event.key === " ") this.play(!this.playing);
    else if (event.key in steps) this.seek(Math.round(this.row + steps[event.key]));
    else if (event.key === "Home") this.seek(0);
    else if (event.key === "End") this.seek(this.drive.rows - 1);
    else if (event.key === "+" || event.key === "-") this.faster(event.key === "+" ? 1 : -1);
    else return;
    event.preventDefault();
  }

  faster(by) {
    const index = this.rate.selectedIndex + by;
    if (index >= 0 && index < this.rate.options.length) this.rate.selectedIndex = index;
  }

  draw() {
    const { drive } = this;
    const row = Math.floor(this.row);
    const context = this.view.clear();
    this.view.driven(context, this.pieces.filter((piece) => piece.lap === drive.lap(row)));
    for (const object of drive.objects) this.view.object(context, object.kind === BOX, object.pose(row));
    const { x, y, heading } = poseAt(drive, this.row);
    this.view.car(context, x, y, heading);
    this.time.value = row;
    const seconds = (this.row / drive.rate).toFixed(3);
    this.clock.textContent = `${seconds} s`;
    this.time.setAttribute("aria-valuetext", `${seconds} s, ${Math.round(drive.progress(row))} %`);
    const said = this.statuses[drive.status(row)];
    const status = said ? ` · ${said}` : "";
    this.facts.textContent =
      `${this.lapWord} ${drive.lap(row) + 1} · ${drive.progress(row).toFixed(1)} % · ${drive.speed(row).toFixed(2)} m/s · ${drive.steering(row).toFixed(0)}°${status}`;
  }
}

async function begin(host) {
  const [outline, answer] = await Promise.all([fetchOutline(host.dataset.outline), fetch(host.dataset.drive)]);
  if (!answer.ok) return;
  const drive = readDrive(await answer.arrayBuffer());
  if (drive.rows > 1) new Replay(host, outline, drive);
}

// While it waits or drives, the result follows; when it is done the page is fetched with its replay.
function follow(region) {
  const refresh = () => window.htmx?.trigger("#evaluation-result", "refresh");
  const stream = new EventSource(region.dataset.stream);
  stream.addEventListener("state", refresh);
  addEventListener("pagehide", () => stream.close());
}

document.addEventListener("htmx:afterSwap", () => {
  const state = document.getElementById("evaluation-result").dataset.state;
  if (!["queued", "running"].includes(state)) location.reload();
});

const host = document.getElementById("replay");
if (host?.dataset.drive) begin(host);
const region = document.getElementById("evaluation");
if (region?.dataset.stream && window.EventSource) follow(region);
