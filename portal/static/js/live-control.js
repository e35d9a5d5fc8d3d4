// The organizer's control page: it follows the race by itself, and the queue can be dragged into another order.

const page = document.getElementById("live-control-page");
const token = document.querySelector('meta[name="csrf-token"]').content;
let dragged = null;

const refresh = () => window.htmx?.trigger("#live-control", "refresh");

function follow() {
  const source = new EventSource(page.dataset.stream);
  source.addEventListener("live", () => !dragged && refresh());
  source.addEventListener("standings", () => !dragged && refresh());
  source.addEventListener("error", () => source.readyState === EventSource.CLOSED && setTimeout(() => location.reload(), 10_000));
  addEventListener("pagehide", () => source.close());
}

async function send(list) {
  const body = new URLSearchParams({ csrf_token: token });
  for (const row of list.children) body.append("order", row.dataset.run);
  await fetch(list.dataset.order, { method: "POST", body, headers: { "HX-Request": "true" } });
  refresh();
}

function makeDraggable() {
  const list = document.querySelector(".live-queue");
  if (!list || list.children.length < 2) return;
  document.querySelector("[data-drag-hint]").hidden = false;
  for (const row of list.children) {
    row.draggable = true;
    row.addEventListener("dragstart", (event) => {
      dragged = row;
      row.classList.add("dragged");
      event.dataTransfer.effectAllowed = "move";
    });
    row.addEventListener("dragend", () => {
      row.classList.remove("dragged");
      dragged = null;
    });
    row.addEventListener("dragover", (event) => {
      if (!dragged || dragged === row) return;
      event.preventDefault();
      const { top, height } = row.getBoundingClientRect();
      list.insertBefore(dragged, event.clientY > top + height / 2 ? row.nextSibling : row);
    });
  }
  list.addEventListener("dragover", (event) => dragged && event.preventDefault());
  list.addEventListener("drop", (event) => {
    event.preventDefault();
    if (dragged) send(list);
  });
}

if (page && window.EventSource) follow();
makeDraggable();
document.addEventListener("htmx:afterSwap", makeDraggable);
