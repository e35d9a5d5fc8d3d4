// The car drives its newest evaluation again and again while it learns.

import { Player } from "./player.js";
import { TrackCanvas, bySpeed, wantsStillness } from "./track-canvas.js";

const PAUSE_AT_THE_END_S = 0.8;
const SLOWEST_MPS = 0.1;

// Rows are [x, y, heading, speed] without times: they follow from distance and speed.
function timesOf(drive) {
  const times = [0];
  for (let row = 1; row < drive.length; row += 1) {
    const distance = Math.hypot(drive[row][0] - drive[row - 1][0], drive[row][1] - drive[row - 1][1]);
    const speed = Math.max(SLOWEST_MPS, (drive[row][3] + drive[row - 1][3]) / 2);
    times.push(times[row - 1] + distance / speed);
  }
  return times;
}

function turned(from, to, share) {
  const difference = ((((to - from) % 360) + 540) % 360) - 180;
  return from + difference * share;
}

export class LiveMap extends Player {
  constructor(host, bar, outline, colour, label) {
    super(bar.querySelector("button"), bar.querySelector("select"));
    this.view = new TrackCanvas(host, outline, { colour, label });
    this.drive = [];
    this.moment = 0;
    this.bar = bar;
    this.view.onresize = () => this.draw();
    this.play(!wantsStillness());
    this.draw();
  }

  advance(seconds) {
    if (this.drive.length < 2) return false;
    this.moment += seconds;
    if (this.moment > this.times.at(-1) + PAUSE_AT_THE_END_S * Number(this.rate.value)) {
      this.moment = 0;
      if (this.next) this.take(this.next);
    }
    this.draw();
    return true;
  }

  // A new drive begins when the one that is shown has ended.
  show(drive) {
    if (!drive || drive.length < 2) return;
    if (this.drive.length < 2 || !this.playing) this.take(drive);
    else this.next = drive;
  }

  take(drive) {
    this.drive = drive;
    this.next = null;
    this.times = timesOf(drive);
    this.pieces = bySpeed(drive.length, (row) => drive[row].slice(0, 2), (row) => drive[row][3], { window: 3 });
    this.moment = 0;
    this.bar.hidden = false;
    this.draw();
    if (this.playing && !this.scheduled) this.schedule();
  }

  draw() {
    const context = this.view.clear();
    if (this.drive.length < 2) return;
    this.view.driven(context, this.pieces);
    const moment = Math.min(this.moment, this.times.at(-1));
    let row = this.times.findIndex((time) => time > moment);
    if (row < 1) row = row === 0 ? 1 : this.times.length - 1;
    const span = this.times[row] - this.times[row - 1];
    const share = span > 0 ? (moment - this.times[row - 1]) / span : 1;
    const [a, b] = [this.drive[row - 1], this.drive[row]];
    this.view.car(context, a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, turned(a[2], b[2], share));
  }
}
