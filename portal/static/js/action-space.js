// Draws the actions of the car form while they are typed, and adds and removes rows of the list.

const RADIUS = 100;
const CONTINUOUS_STEPS = 12;
const MOST_ACTIONS = 30;
const SVG = "http://www.w3.org/2000/svg";

const form = document.querySelector(".car-form");
const picture = form.querySelector(".fan-actions");
const count = document.getElementById("fan-count");
const rows = document.getElementById("action-rows");

const number = (name) => Number(form.elements[name].value.replace(",", "."));
const kind = () => form.querySelector('[name="action_kind"]:checked')?.value;

function grid() {
  const [angles, speeds] = [number("steering_granularity"), number("speed_granularity")];
  const [angle, speed] = [number("maximum_steering_deg"), number("maximum_speed_mps")];
  const steering = angles === 1 ? [0] : Array.from({ length: angles }, (_, i) => -angle + (2 * angle * i) / (angles - 1));
  const pace = Array.from({ length: speeds }, (_, i) => ((i + 1) * speed) / speeds);
  return steering.flatMap((degrees) => pace.map((metres) => [degrees, metres]));
}

function list() {
  const typed = [...rows.rows].map((row) => [...row.querySelectorAll("input")].map((input) => input.value.trim().replace(",", ".")));
  return typed.filter(([steering, speed]) => steering !== "" && speed !== "").map((pair) => pair.map(Number));
}

function place(steering, speed, fastest) {
  const angle = (steering * Math.PI) / 180;
  const length = (RADIUS * speed) / fastest;
  return [-length * Math.sin(angle), -length * Math.cos(angle)].map((value) => value.toFixed(1));
}

function element(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.append(element("title", {}, ""), "");
  if (text) made.firstChild.textContent = text;
  return made;
}

function drawRays(actions) {
  const possible = actions.every(([steering, speed]) => Number.isFinite(steering) && Math.abs(steering) <= 30 && speed > 0 && speed <= 4);
  if (!actions.length || !possible) return false;
  const fastest = Math.max(...actions.map(([, speed]) => speed));
  picture.replaceChildren();
  for (const [steering, speed] of actions) {
    const [x, y] = place(steering, speed, fastest);
    picture.append(element("line", { class: "fan-ray", x1: 0, y1: 0, x2: x, y2: y }));
    picture.append(element("circle", { class: "fan-dot", cx: x, cy: y, r: 4 }, `${steering.toFixed(1)}°, ${speed.toFixed(2)} m/s`));
  }
  count.textContent = `${actions.length} ${count.dataset.actions}.`;
  return true;
}

function drawSector() {
  const [low, high, slow, fast] = ["steering_low_deg", "steering_high_deg", "speed_low_mps", "speed_high_mps"].map(number);
  if (![low, high, slow, fast].every(Number.isFinite) || low >= high || slow >= fast || fast <= 0) return;
  const angles = Array.from({ length: CONTINUOUS_STEPS }, (_, i) => low + ((high - low) * i) / (CONTINUOUS_STEPS - 1));
  const corners = [...angles.map((angle) => place(angle, fast, fast)), ...angles.reverse().map((angle) => place(angle, slow, fast))];
  picture.replaceChildren(element("path", { class: "fan-sector", d: `M${corners.map((corner) => corner.join(" ")).join("L")}Z` }));
  count.textContent = "";
}

function draw() {
  if (kind() === "range") drawSector();
  else drawRays(kind() === "list" ? list() : grid());
}

function renumber() {
  [...rows.rows].forEach((row, index) => {
    row.cells[0].textContent = index + 1;
    const [steering, speed] = row.querySelectorAll("input");
    steering.setAttribute("aria-label", steering.getAttribute("aria-label").replace(/\d+/, index + 1));
    speed.setAttribute("aria-label", speed.getAttribute("aria-label").replace(/\d+/, index + 1));
    row.querySelector("button")?.setAttribute("aria-label", `${rows.dataset.remove} ${index + 1}`);
  });
  add.disabled = rows.rows.length >= MOST_ACTIONS;
}

function removable(row) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button quiet";
  button.textContent = "×";
  button.addEventListener("click", () => {
    if (rows.rows.length > 1) row.remove();
    renumber();
    draw();
    add.focus();
  });
  row.cells[3].replaceChildren(button);
}

function addRow(steering = "", speed = "") {
  const row = rows.rows[0].cloneNode(true);
  const inputs = row.querySelectorAll("input");
  row.querySelectorAll(".field-error").forEach((message) => message.remove());
  inputs.forEach((input, index) => {
    input.value = [steering, speed][index];
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  });
  rows.append(row);
  removable(row);
  return inputs[0];
}

// The list begins with the grid's actions as long as nobody wrote in it.
let untouched = kind() !== "list";
function fillFromGrid() {
  if (!untouched || kind() !== "list") return;
  const actions = grid();
  if (!actions.length || !actions.flat().every(Number.isFinite)) return;
  const old = [...rows.rows];
  for (const [steering, speed] of actions.slice(0, MOST_ACTIONS)) addRow(String(+steering.toFixed(2)), String(+speed.toFixed(3)));
  old.forEach((row) => row.remove());
  renumber();
}

const add = document.createElement("button");
add.type = "button";
add.className = "button";
add.textContent = rows.dataset.add;
add.addEventListener("click", () => {
  const first = addRow();
  renumber();
  first.focus();
});
rows.closest("table").after(add);
for (const row of rows.rows) removable(row);
renumber();

rows.addEventListener("input", () => { untouched = false; });
form.addEventListener("change", (event) => {
  if (event.target.name === "action_kind") fillFromGrid();
});
form.addEventListener("input", draw);
draw();
