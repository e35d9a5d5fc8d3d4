// A race's replay: one car, perhaps a ghost beside it, on the map; readings and charts beside the map.
// Both cars start together: at the start of the drive, or of the laps that are compared.

import { BOX, lapsOf, poseAt, readDrive } from "./drive.js";
import { DrivePlayer } from "./player.js";
import { Chart, gapAt, gapNow, waysForGood } from "./replay-charts.js";
import { TrackCanvas, bySpeed, fetchOutline, smoothed, swatch, wantsStillness } from "./track-canvas.js";

const TRAIL_S = 2;
const CHART_POINTS = 600;
const SMOOTHED_ROWS = 7;

const byId = (id) => document.getElementById(id);

// One of the two cars: its drive and which part of it is shown.
class Car {
  constructor(drive, kind, colour) {
    this.drive = drive;
    this.kind = kind;
    this.colour = colour;
    this.laps = lapsOf(drive);
    this.choose("");
  }

  // `lap` from 1; nothing chosen is the whole drive.
  choose(lap) {
    const range = lap ? this.laps[Number(lap) - 1] : null;
    this.range = range ?? [0, this.drive.rows];
    this.lap = range ? Number(lap) : 0;
    this.base = range ? (this.lap - 1) * 100 : 0;
    this.length = (this.range[1] - this.range[0]) / this.drive.rate;
    const [begin, end] = this.range;
    const { drive } = this;
    const at = (row) => row + begin;
    this.pieces = bySpeed(end - begin, (row) => [drive.x(at(row)), drive.y(at(row))], (row) => drive.speed(at(row)), {
      lapAt: (row) => drive.lap(at(row)),
    });
    this.ways = waysForGood(drive, this.range, this.base);
  }

  // Between rows, at a moment since the common start.
  rowOf(moment) {
    return Math.min(this.range[1] - 1, this.range[0] + moment * this.drive.rate);
  }

  wayOf(row) {
    return this.drive.lap(row) * 100 + this.drive.progress(row) - this.base;
  }

  // A car with few actions jumps between them at every step: what is drawn is the mean around each row.
  line(valueAt) {
    const [begin, end] = this.range;
    const around = smoothed(end - begin, (row) => valueAt(begin + row), SMOOTHED_ROWS);
    const step = Math.max(1, Math.floor((end - begin) / CHART_POINTS));
    const points = [];
    for (let row = begin; row < end; row += step) points.push([this.wayOf(row), around[row - begin]]);
    return { points, ghost: this.kind === "ghost" };
  }
}

// Its position is in seconds since the common start.
class RaceReplay extends DrivePlayer {
  constructor(host, outline, own, ghost) {
    super(byId("race-replay-play"), byId("race-replay-rate"));
    this.view = new TrackCanvas(host, outline, { colour: host.dataset.colour, label: host.dataset.label });
    this.view.canvas.tabIndex = 0;
    this.own = own;
    this.ghost = ghost;
    this.cars = ghost ? [ghost, own] : [own];
    this.statuses = JSON.parse(host.dataset.statuses);
    this.time = byId("race-replay-time");
    this.clock = byId("race-replay-clock");
    this.heat = byId("race-replay-heat");
    this.readings = new Map([...document.querySelectorAll("[data-reading]")].map((cell) => [cell.dataset.reading, cell]));
    this.position = 0;
    this.perSecond = 1;
    this.perStep = 1 / own.drive.rate;
    for (const id of ["race-replay-bar", "race-replay-keys", "race-replay-beside"]) byId(id).hidden = false;
    this.charts = Object.fromEntries(
      [...document.querySelectorAll("[data-chart]")].map((canvas) => [canvas.dataset.chart, new Chart(canvas)]),
    );
    this.listen();
    this.chosen();
    if (!wantsStillness()) this.play(true);
  }

  listen() {
    this.view.onresize = () => this.draw();
    this.time.addEventListener("input", () => this.seek(Number(this.time.value) / 1000));
    this.heat.addEventListener("change", () => this.draw());
    this.view.canvas.addEventListener("keydown", (event) => this.key(event));
    for (const car of this.cars) {
      const select = byId(`replay-${car.kind}-lap`);
      select.addEventListener("change", () => this.chooseLap(car, select.value));
    }
    for (const cell of document.querySelectorAll("#replay-laps [data-lap]")) this.lapButton(cell);
  }

  lapButton(cell) {
    const car = cell.dataset.side === "own" ? this.own : this.ghost;
    if (!car?.laps[Number(cell.dataset.lap) - 1]) return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = cell.textContent;
    button.addEventListener("click", () => {
      byId(`replay-${car.kind}-lap`).value = cell.dataset.lap;
      this.chooseLap(car, cell.dataset.lap);
    });
    cell.replaceChildren(button);
  }

  // A lap is compared with a lap: choosing one for one car chooses a lap of the other, too.
  chooseLap(car, lap) {
    car.choose(lap);
    const other = this.cars.find((one) => one !== car);
    if (other && !lap !== !other.lap) {
      const fitting = lap ? String(Math.min(Number(lap), other.laps.length)) : "";
      other.choose(fitting);
      byId(`replay-${other.kind}-lap`).value = fitting;
    }
    this.position = 0;
    this.chosen();
  }

  chosen() {
    this.end = Math.max(...this.cars.map((car) => car.length));
    this.time.max = Math.round(this.end * 1000);
    const width = Math.max(...this.cars.map((car) => (car.lap ? 100 : 100 * car.laps.length)));
    this.charts.speed.show(this.cars.map((car) => car.line(car.drive.speed)), width);
    this.charts.steering.show(this.cars.map((car) => car.line(car.drive.steering)), width, { zero: true });
    this.charts.gap?.show([{ points: this.gaps(width), ghost: false }], width, { zero: true });
    this.draw();
  }

  // How much later than the ghost the car passed each part of the way, in seconds.
  gaps(width) {
    const points = [];
    for (let way = 0; way <= width; way += width / CHART_POINTS) {
      const gap = gapAt(this.own.ways, this.ghost.ways, way);
      if (gap !== null) points.push([way, gap / this.own.drive.rate]);
    }
    return points;
  }

  key(event) {
    const isHeat = event.key.toLowerCase() === "h" && !event.ctrlKey && !event.altKey && !event.metaKey;
    if (!isHeat) return void super.key(event);
    this.heat.click();
    event.preventDefault();
  }

  draw() {
    const context = this.view.clear();
    this.drawWay(context);
    const row = Math.floor(this.own.rowOf(this.position));
    for (const object of this.own.drive.objects) this.view.object(context, object.kind === BOX, object.pose(row));
    for (const car of this.cars) {
      const { x, y, heading } = poseAt(car.drive, car.rowOf(this.position));
      this.view.car(context, x, y, heading, { colour: car.colour, ghost: car.kind === "ghost" });
    }
    this.say();
  }

  drawWay(context) {
    const { own } = this;
    const row = Math.floor(own.rowOf(this.position));
    if (this.heat.checked) {
      this.view.driven(context, own.pieces.filter((piece) => piece.lap === own.drive.lap(row)));
      return;
    }
    const points = [];
    for (let at = Math.max(own.range[0], row - TRAIL_S * own.drive.rate); at <= row; at += 1) {
      points.push([own.drive.x(at), own.drive.y(at)]);
    }
    this.view.stroke(context, points, "--ink-2", 2, false);
  }

  say() {
    const seconds = this.position.toFixed(3);
    this.time.value = Math.round(this.position * 1000);
    this.time.setAttribute("aria-valuetext", `${seconds} s`);
    this.write(this.clock, `${seconds} s`);
    for (const car of this.cars) {
      const row = Math.floor(car.rowOf(this.position));
      const { drive } = car;
      this.read(`${car.kind}-lap`, String(drive.lap(row) + 1));
      this.read(`${car.kind}-progress`, `${drive.progress(row).toFixed(1)} %`);
      this.read(`${car.kind}-speed`, `${drive.speed(row).toFixed(2)} m/s`);
      this.read(`${car.kind}-steering`, `${drive.steering(row).toFixed(0)}°`);
      this.read(`${car.kind}-status`, this.statuses[drive.status(row)] || "–");
    }
    const row = Math.floor(this.own.rowOf(this.position));
    if (this.ghost) {
      const rows = gapNow(this.own.ways, this.ghost.ways, row - this.own.range[0]);
      const gap = rows === null ? null : rows / this.own.drive.rate;
      this.read("gap", gap === null ? "–" : `${gap < 0 ? "−" : "+"}${Math.abs(gap).toFixed(3)} s`);
    }
    const way = this.own.wayOf(row);
    for (const chart of Object.values(this.charts)) chart.cursor(way);
  }

  read(name, text) {
    const cell = this.readings.get(name);
    if (cell) this.write(cell, text);
  }

  write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }
}

async function fetchDrive(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`no drive: ${answer.status}`);
  return readDrive(await answer.arrayBuffer());
}

async function begin(host) {
  const { drive, ghost, colour, ghostColour, outline } = host.dataset;
  try {
    const [shape, ownDrive, ghostDrive] = await Promise.all([
      fetchOutline(outline),
      fetchDrive(drive),
      ghost ? fetchDrive(ghost) : null,
    ]);
    const other = ghostDrive && new Car(ghostDrive, "ghost", swatch(ghostColour));
    new RaceReplay(host, shape, new Car(ownDrive, "own", swatch(colour)), other);
  } catch (error) {
    const notice = document.createElement("p");
    notice.className = "notice error";
    notice.textContent = host.dataset.failed;
    host.after(notice);
    console.warn(error);
  }
}

const host = byId("race-replay");
if (host) begin(host);
