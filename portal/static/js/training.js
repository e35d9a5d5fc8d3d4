// The training page while it is open: graph, map and figures follow what the worker tells.

import { LiveMap } from "./live-map.js";
import { TrainingGraph } from "./training-graph.js";
import { fetchOutline } from "./track-canvas.js";

const page = document.getElementById("training");
const graph = new TrainingGraph(document.getElementById("training-graph"));
const map = makeMap();

async function makeMap() {
  const host = document.getElementById("live-map");
  const label = host.querySelector("svg")?.getAttribute("aria-label") ?? "";
  const outline = await fetchOutline(page.dataset.outline);
  return { host, outline, label, shown: null };
}

// The drawn track stays until there is a drive: then a canvas takes its place.
async function drive(rows) {
  if (!rows || rows.length < 2) return;
  const known = await map;
  known.shown ??= new LiveMap(known.host, document.getElementById("map-bar"), known.outline, page.dataset.colour, known.label);
  known.shown.show(rows);
}

async function catchUp() {
  const answer = await fetch(page.dataset.points);
  if (!answer.ok) return;
  const told = await answer.json();
  if (told.points.length >= graph.points.length) graph.show(told.points);
  drive(told.drive);
}

function refresh() {
  window.htmx?.trigger("#training-live", "refresh");
}

function watch() {
  const stream = new EventSource(page.dataset.stream);
  let waiting;
  stream.addEventListener("iteration", (event) => {
    const told = JSON.parse(event.data);
    graph.add(told);
    drive(told.drive);
    clearTimeout(waiting);
    waiting = setTimeout(refresh, 200);
  });
  stream.addEventListener("state", refresh);
  stream.addEventListener("open", catchUp);
  addEventListener("pagehide", () => stream.close());
}

// What is open stays open when the figures are replaced; at the end the whole page is fetched once.
let opened = [];
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.id !== "training-live") return;
  opened = [...event.detail.target.querySelectorAll("details")].map((details) => details.open);
});
document.addEventListener("htmx:afterSwap", () => {
  const live = document.getElementById("training-live");
  live.querySelectorAll("details").forEach((details, index) => {
    if (opened[index]) details.open = true;
  });
  if (page.dataset.stream && !["queued", "running"].includes(live.dataset.state)) location.reload();
});

catchUp();
if (page.dataset.stream && window.EventSource) watch();
