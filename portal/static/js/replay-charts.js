// Lines over the way of one lap, or of a whole drive: drawn once, then only the cursor moves.

import { resolved } from "./track-canvas.js";

const PAD = 3;

// How far the car was for good at each row of a range, in per cent of the lap, laps counted: never falling. Where a
// collision puts it back it drives a piece a second time, and only that time counts.
export function waysForGood(drive, [begin, end], base = 0) {
  const ways = new Float64Array(end - begin);
  let least = Infinity;
  for (let row = end - 1; row >= begin; row -= 1) {
    least = Math.min(least, drive.lap(row) * 100 + drive.progress(row) - base);
    ways[row - begin] = least;
  }
  return ways;
}

// Between which of these rows the car came to a way and left it: one moment, or a while where it was put back. Null
// where it never was.
export function rowsAt(ways, way) {
  if (!ways.length || way < ways[0] || way > ways.at(-1)) return null;
  const before = (isBefore) => {
    let [low, high] = [0, ways.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(ways[middle])) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const came = before((at) => at < way);
  const left = before((at) => at <= way) - 1;
  if (left >= came) return { came, left };
  const between = left + (way - ways[left]) / (ways[came] - ways[left]);
  return { came: between, left: between };
}

// How many rows later than the ghost the car passed a way for good; null where one of them never did.
export function gapAt(own, ghost, way) {
  const [mine, other] = [rowsAt(own, way), rowsAt(ghost, way)];
  return mine && other ? mine.left - other.left : null;
}

// How many rows the car is behind the ghost now, in one of its rows. While it stands where it was put back it is
// compared with the ghost as it stood there as long, if it did.
export function gapNow(own, ghost, row) {
  const [mine, other] = [rowsAt(own, own[row]), rowsAt(ghost, own[row])];
  return mine && other ? row - Math.min(other.came + row - mine.came, other.left) : null;
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
