// Lines over the way of one lap, or of a whole drive: drawn once, then only the cursor moves.

import { resolved } from "./track-canvas.js";

const PAD = 3;

// The time at which a lap's progress was reached first: [[progress, row], …], never falling.
function passings(drive, [begin, end]) {
  const found = [];
  let furthest = -1;
  for (let row = begin; row < end; row += 1) {
    const at = drive.lap(row) * 100 + drive.progress(row);
    if (at > furthest && (furthest < 0 || at - furthest < 60)) {
      furthest = at;
      found.push([at, row]);
    }
  }
  return found;
}

// A function from the way (per cent, laps counted) to the row between rows at which the car was there.
export function rowAt(drive, range, base = 0) {
  const found = passings(drive, range).map(([at, row]) => [at - base, row]);
  return (way) => {
    if (!found.length || way < found[0][0] || way > found.at(-1)[0]) return null;
    let [low, high] = [0, found.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (found[middle][0] <= way) low = middle;
      else high = middle;
    }
    const [[from, first], [to, last]] = [found[low], found[high]];
    return to > from ? first + ((way - from) / (to - from)) * (last - first) : first;
  };
}

export class Chart {
  constructor(canvas) {
    this.canvas = canvas;
    this.lines = [];
    [this.width, this.low, this.high] = [1, 0, 1];
    this.still = document.createElement("canvas");
    new ResizeObserver(() => this.fit()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.fit());
  }

  // lines: [{ points: [[way, value], …], ghost }, …]; the way is between 0 and `width`.
  show(lines, width, { zero = false } = {}) {
    this.lines = lines;
    this.width = Math.max(width, 1e-9);
    const values = lines.flatMap(({ points }) => points.map(([, value]) => value));
    this.low = values.reduce((least, value) => Math.min(least, value), 0);
    this.high = values.reduce((most, value) => Math.max(most, value), zero ? 0.1 : 1e-9);
    if (zero) this.low = Math.min(this.low, -0.1);
    this.fit();
  }

  fit() {
    const ratio = devicePixelRatio || 1;
    const { width, height } = this.canvas.getBoundingClientRect();
    if (!width) return;
    this.ratio = ratio;
    for (const canvas of [this.canvas, this.still]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    this.colours = Object.fromEntries(
      ["--ink", "--ink-2", "--brand", "--line", "--accent"].map((name) => [name, resolved(name, this.canvas.parentElement)]),
    );
    this.drawStill();
    this.cursor(this.at ?? 0);
  }

  place(way, value) {
    const { width, height } = this.still;
    const pad = PAD * this.ratio;
    const share = (value - this.low) / (this.high - this.low);
    return [(way / this.width) * width, height - pad - share * (height - 2 * pad)];
  }

  drawStill() {
    const context = this.still.getContext("2d");
    context.clearRect(0, 0, this.still.width, this.still.height);
    if (!this.lines.length) return;
    context.strokeStyle = this.colours["--line"];
    context.lineWidth = this.ratio;
    context.beginPath();
    context.moveTo(...this.place(0, 0));
    context.lineTo(...this.place(this.width, 0));
    context.stroke();
    for (const { points, ghost } of this.lines) {
      context.beginPath();
      points.forEach(([way, value], index) => {
        const [x, y] = this.place(way, value);
        if (index) context.lineTo(x, y);
        else context.moveTo(x, y);
      });
      context.strokeStyle = ghost ? this.colours["--ink-2"] : this.colours["--brand"];
      context.lineWidth = (ghost ? 1.25 : 1.75) * this.ratio;
      context.setLineDash(ghost ? [4 * this.ratio, 3 * this.ratio] : []);
      context.stroke();
      context.setLineDash([]);
    }
    context.fillStyle = this.colours["--ink-2"];
    context.font = `${11 * this.ratio}px system-ui, sans-serif`;
    context.fillText(this.high.toFixed(1), 2 * this.ratio, 11 * this.ratio);
    if (this.low < 0) context.fillText(this.low.toFixed(1), 2 * this.ratio, this.still.height - 3 * this.ratio);
  }

  cursor(way) {
    this.at = way;
    if (!this.colours) return;
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.drawImage(this.still, 0, 0);
    const x = Math.max(0.5, Math.min(this.canvas.width - 0.5, (way / this.width) * this.canvas.width));
    context.strokeStyle = this.colours["--accent"];
    context.lineWidth = 1.5 * this.ratio;
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, this.canvas.height);
    context.stroke();
  }
}
