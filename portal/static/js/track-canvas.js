// A track on a canvas: borders, start line, driven lines and cars, in the page's colours, sharp on every screen.

const SPEED_CLASSES = 5;
const LEAST_RANGE = 0.75;
const CAR_LENGTH_M = 0.4;
const CAR_WIDTH_M = 0.22;
const BOX_M = [0.4, 0.3];
const OTHER_M = [0.32, 0.2];
const GHOST_ALPHA = 0.45;

export async function fetchOutline(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`no outline: ${answer.status}`);
  return answer.json();
}

function colourOf(name, host) {
  return getComputedStyle(host).getPropertyValue(name).trim();
}

export function swatch(name) {
  const probe = document.createElement("span");
  probe.className = `swatch-${name}`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).backgroundColor;
  probe.remove();
  return colour;
}

// `light-dark()` in a custom property is resolved only where it is used: read it back from a real colour property.
export function resolved(name, host) {
  const probe = document.createElement("span");
  probe.hidden = true;
  host.append(probe);
  probe.style.color = `var(${name})`;
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour || colourOf(name, host);
}

export class TrackCanvas {
  constructor(host, outline, { colour = "teal", label = "" } = {}) {
    this.outline = outline;
    this.host = host;
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", label);
    host.replaceChildren(this.canvas);
    this.carColour = swatch(colour);
    this.readColours();
    this.onresize = () => {};
    new ResizeObserver(() => this.fit()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.readColours();
      this.fit();
    });
    this.fit();
  }

  readColours() {
    const names = ["--track-surface", "--track-border", "--accent", "--ink", "--surface", "--ink-2"];
    this.colours = Object.fromEntries(names.map((name) => [name, resolved(name, this.host)]));
    this.speedColours = Array.from({ length: SPEED_CLASSES }, (_, index) => resolved(`--speed-${index}`, this.host));
  }

  fit() {
    const ratio = devicePixelRatio || 1;
    const { width, height } = this.canvas.getBoundingClientRect();
    if (!width) return;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const [x0, y0, x1, y1] = this.outline.bounds;
    const margin = 0.06 * Math.max(x1 - x0, y1 - y0);
    const scale = Math.min(this.canvas.width / (x1 - x0 + 2 * margin), this.canvas.height / (y1 - y0 + 2 * margin));
    this.scale = scale;
    this.ratio = ratio;
    this.left = this.canvas.width / 2 - ((x0 + x1) / 2) * scale;
    this.bottom = this.canvas.height / 2 + ((y0 + y1) / 2) * scale;
    this.track = this.drawTrack();
    this.onresize();
  }

  at(x, y) {
    return [this.left + x * this.scale, this.bottom - y * this.scale];
  }

  line(context, points, close) {
    points.forEach(([x, y], index) => {
      const [column, row] = this.at(x, y);
      if (index) context.lineTo(column, row);
      else context.moveTo(column, row);
    });
    if (close) context.closePath();
  }

  drawTrack() {
    const still = document.createElement("canvas");
    still.width = this.canvas.width;
    still.height = this.canvas.height;
    const context = still.getContext("2d");
    const { inner, outer, centre, start, closed } = this.outline;
    context.beginPath();
    if (closed) {
      this.line(context, inner, true);
      this.line(context, outer, true);
    } else {
      this.line(context, [...inner, ...[...outer].reverse()], true);
    }
    context.fillStyle = this.colours["--track-surface"];
    context.fill("evenodd");
    this.stroke(context, inner, "--track-border", 1.5, closed);
    this.stroke(context, outer, "--track-border", 1.5, closed);
    context.setLineDash([4 * this.ratio, 5 * this.ratio]);
    this.stroke(context, centre, "--accent", 1, closed);
    context.setLineDash([]);
    this.stroke(context, start, "--ink", 2.5, false);
    return still;
  }

  stroke(context, points, colour, width, close) {
    context.beginPath();
    this.line(context, points, close);
    context.strokeStyle = this.colours[colour] ?? colour;
    context.lineWidth = width * this.ratio;
    context.stroke();
  }

  clear() {
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.drawImage(this.track, 0, 0);
    return context;
  }

  // Lines of one class of speed each: [{ speed: 0..4, points: [[x, y], …] }, …]
  driven(context, pieces) {
    context.lineCap = "round";
    for (const { speed, points } of pieces) this.stroke(context, points, this.speedColours[speed], 2.5, false);
  }

  // A box, or a bot or another car, about its middle.
  object(context, box, { x, y, heading }) {
    const [length, width] = box ? BOX_M : OTHER_M;
    const enlarged = Math.max(1, (10 * this.ratio) / this.scale / length);
    const [column, row] = this.at(x, y);
    context.save();
    context.translate(column, row);
    context.rotate((-heading * Math.PI) / 180);
    context.scale(this.scale * enlarged, this.scale * enlarged);
    context.beginPath();
    context.roundRect(-length / 2, -width / 2, length, width, box ? 0 : [0.03, 0.08, 0.08, 0.03]);
    context.fillStyle = this.colours[box ? "--ink" : "--ink-2"];
    context.fill();
    context.restore();
  }

  // x and y are the car's front, heading in degrees, as reward functions see them. A ghost is seen through and dashed.
  car(context, x, y, headingDeg, { colour = this.carColour, ghost = false } = {}) {
    const smallest = (14 * this.ratio) / this.scale;
    const enlarged = Math.max(1, smallest / CAR_LENGTH_M);
    const [column, row] = this.at(x, y);
    context.save();
    context.translate(column, row);
    context.rotate((-headingDeg * Math.PI) / 180);
    context.scale(this.scale * enlarged, this.scale * enlarged);
    context.beginPath();
    context.roundRect(-CAR_LENGTH_M, -CAR_WIDTH_M / 2, CAR_LENGTH_M, CAR_WIDTH_M, [0.04, 0.1, 0.1, 0.04]);
    const pixel = this.ratio / (this.scale * enlarged);
    context.globalAlpha = ghost ? GHOST_ALPHA : 1;
    context.fillStyle = colour;
    context.fill();
    context.globalAlpha = 1;
    context.lineWidth = 1.5 * pixel;
    context.strokeStyle = this.colours["--ink"];
    if (ghost) context.setLineDash([2 * pixel, 2 * pixel]);
    context.stroke();
    context.setLineDash([]);
    context.beginPath();
    context.rect(-0.17, -CAR_WIDTH_M * 0.36, 0.09, CAR_WIDTH_M * 0.72);
    context.fillStyle = this.colours["--ink"];
    context.fill();
    context.restore();
  }
}

// A car with two speeds jumps between them at every decision: what is coloured is the mean around each row.
export function smoothed(count, speedAt, window) {
  const sums = [0];
  for (let row = 0; row < count; row += 1) sums.push(sums[row] + speedAt(row));
  return Array.from({ length: count }, (_, row) => {
    const [from, to] = [Math.max(0, row - window), Math.min(count, row + window + 1)];
    return (sums[to] - sums[from]) / (to - from);
  });
}

// Cuts a drive into pieces of one class of speed and, where laps are known, of one lap.
export function bySpeed(count, positionAt, speedAt, { window = 7, lapAt = () => 0 } = {}) {
  const speeds = smoothed(count, speedAt, window);
  const high = speeds.reduce((most, speed) => Math.max(most, speed), 0);
  const low = speeds.reduce((least, speed) => Math.min(least, speed), high * LEAST_RANGE);
  const classOf = (row) =>
    Math.min(SPEED_CLASSES - 1, Math.floor(((speeds[row] - low) / Math.max(high - low, 1e-9)) * SPEED_CLASSES));
  const pieces = [];
  for (let row = 0; row < count; row += 1) {
    const speed = classOf(row);
    const lap = lapAt(row);
    const last = pieces.at(-1);
    if (last && last.speed === speed && last.lap === lap) last.points.push(positionAt(row));
    else {
      last?.points.push(positionAt(row));
      pieces.push({ speed, lap, points: [positionAt(row)] });
    }
  }
  return pieces;
}

export const wantsStillness = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
