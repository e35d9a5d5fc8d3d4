// Average reward (left) with completion in training and evaluation (right, 0-100 %), the best iteration marked.

import uPlot from "../vendor/uplot/uPlot.esm.js";

const HEIGHT = 300;

function colour(host, name) {
  const probe = document.createElement("span");
  host.append(probe);
  probe.style.color = `var(${name})`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function bestMarker(points, host) {
  return (plot) => {
    const at = points().findLastIndex((point) => point.best);
    if (at < 0) return;
    const { ctx } = plot;
    const x = plot.valToPos(plot.data[0][at], "x", true);
    ctx.save();
    ctx.strokeStyle = colour(host, "--best");
    ctx.fillStyle = ctx.strokeStyle;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(x, plot.bbox.top);
    ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
    ctx.stroke();
    ctx.font = `600 ${12 * devicePixelRatio}px system-ui, sans-serif`;
    const right = x > plot.bbox.left + plot.bbox.width / 2;
    ctx.textAlign = right ? "right" : "left";
    ctx.fillText(host.dataset.best, x + (right ? -6 : 6) * devicePixelRatio, plot.bbox.top + 14 * devicePixelRatio);
    ctx.restore();
  };
}

export class TrainingGraph {
  constructor(host) {
    this.host = host;
    this.points = [];
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.rebuild());
    new ResizeObserver(() => this.plot?.setSize({ width: this.host.clientWidth, height: HEIGHT })).observe(host);
  }

  show(points) {
    this.points = points;
    if (points.length < 2) return;
    if (this.plot) this.plot.setData(this.data());
    else this.rebuild();
  }

  // An iteration that is measured again replaces what was measured before.
  add(point) {
    this.show([...this.points.filter((known) => known.iteration < point.iteration), point]);
  }

  data() {
    const column = (name) => this.points.map((point) => point[name]);
    return [column("iteration"), column("average_reward"), column("training_completion"), column("evaluation_completion")];
  }

  rebuild() {
    if (this.points.length < 2) return;
    this.plot?.destroy();
    this.host.replaceChildren();
    const names = this.host.dataset;
    const ink = colour(this.host, "--ink-2");
    const grid = { stroke: colour(this.host, "--line"), width: 1 };
    const series = (label, name, scale, dash) => ({
      label,
      scale,
      stroke: colour(this.host, name),
      width: 2,
      dash,
      points: { show: this.points.length < 40, size: 5 },
      value: (_plot, value) => (value == null ? "–" : value.toFixed(scale === "reward" ? 2 : 1)),
    });
    this.plot = new uPlot(
      {
        width: this.host.clientWidth,
        height: HEIGHT,
        scales: { x: { time: false }, reward: {}, percent: { range: [0, 100] } },
        axes: [
          { stroke: ink, grid, ticks: grid, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] },
          { scale: "reward", stroke: ink, grid, ticks: grid, size: 56 },
          { scale: "percent", side: 1, stroke: ink, grid: { show: false }, ticks: grid, size: 60, values: (_plot, values) => values.map((value) => `${value} %`) },
        ],
        series: [
          { label: names.iteration, value: (_plot, value) => value ?? "–" },
          series(names.reward, "--line-reward", "reward"),
          series(names.training, "--line-training", "percent", [6, 3]),
          series(names.evaluation, "--line-evaluation", "percent"),
        ],
        cursor: { points: { size: 8 } },
        hooks: { draw: [bestMarker(() => this.points, this.host)] },
      },
      this.data(),
      this.host,
    );
  }
}
