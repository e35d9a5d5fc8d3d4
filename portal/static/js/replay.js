// Replays a drive on the map of its track.

import { BOX, poseAt, readDrive } from "./drive.js";
import { DrivePlayer } from "./player.js";
import { TrackCanvas, bySpeed, fetchOutline, wantsStillness } from "./track-canvas.js";

// Its position is in rows of the drive.
class Replay extends DrivePlayer {
  constructor(host, outline, drive) {
    super(document.getElementById("replay-play"), document.getElementById("replay-speed"));
    const label = host.querySelector("svg")?.getAttribute("aria-label") ?? "";
    this.drive = drive;
    this.view = new TrackCanvas(host, outline, { colour: host.dataset.colour, label });
    this.view.canvas.tabIndex = 0;
    this.bar = document.getElementById("replay-bar");
    this.time = document.getElementById("replay-time");
    this.clock = document.getElementById("replay-clock");
    this.facts = document.getElementById("replay-facts");
    this.statuses = JSON.parse(host.dataset.statuses);
    this.lapWord = host.dataset.lap;
    this.pieces = bySpeed(drive.rows, (row) => [drive.x(row), drive.y(row)], drive.speed, { lapAt: drive.lap });
    this.position = 0;
    this.end = this.time.max = drive.rows - 1;
    this.perSecond = drive.rate;
    this.perStep = 1;
    this.bar.hidden = this.facts.hidden = document.getElementById("replay-keys").hidden = false;
    this.view.onresize = () => this.draw();
    this.time.addEventListener("input", () => this.seek(Number(this.time.value)));
    this.view.canvas.addEventListener("keydown", (event) => this.key(event));
    this.draw();
    if (!wantsStillness()) this.play(true);
  }

  seek(row) {
    super.seek(Math.round(row));
  }

  draw() {
    const { drive } = this;
    const row = Math.floor(this.position);
    const context = this.view.clear();
    this.view.driven(context, this.pieces.filter((piece) => piece.lap === drive.lap(row)));
    for (const object of drive.objects) this.view.object(context, object.kind === BOX, object.pose(row));
    const { x, y, heading } = poseAt(drive, this.position);
    this.view.car(context, x, y, heading);
    this.time.value = row;
    const seconds = (this.position / drive.rate).toFixed(3);
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
