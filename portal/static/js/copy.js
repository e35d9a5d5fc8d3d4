// Buttons that copy: a text (data-copy), what another element holds (data-copies), or a piece of the page with its
// links (data-copies-rich). They are hidden until here; without a script the texts can be selected.

async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  copyBySelection((event) => event.clipboardData.setData("text/plain", text)); // over plain HTTP there is no clipboard
}

async function copyRich(element) {
  const html = element.innerHTML;
  const text = element.innerText;
  if (navigator.clipboard && window.ClipboardItem) {
    const parts = { "text/html": new Blob([html], { type: "text/html" }), "text/plain": new Blob([text], { type: "text/plain" }) };
    return navigator.clipboard.write([new ClipboardItem(parts)]);
  }
  copyBySelection((event) => {
    event.clipboardData.setData("text/html", html);
    event.clipboardData.setData("text/plain", text);
  });
}

function copyBySelection(fill) {
  let done = false;
  const listen = (event) => {
    fill(event);
    event.preventDefault();
    done = true;
  };
  document.addEventListener("copy", listen, { once: true });
  document.execCommand("copy");
  document.removeEventListener("copy", listen);
  if (!done) throw new Error("the browser does not let this page copy");
}

function copyOf(button) {
  const { copy, copies, copiesRich } = button.dataset;
  if (copiesRich) return copyRich(document.getElementById(copiesRich));
  if (!copies) return copyText(copy);
  const source = document.getElementById(copies);
  return copyText("value" in source ? source.value : source.textContent);
}

const status = document.createElement("p");
status.className = "visually-hidden";
status.setAttribute("role", "status");
document.getElementById("main").append(status);

function say(button, words) {
  const label = button.querySelector("[data-copy-label]");
  label.dataset.before ??= label.textContent;
  label.textContent = words;
  status.textContent = words;
  setTimeout(() => {
    label.textContent = label.dataset.before;
    status.textContent = "";
  }, 2500);
}

function show(root) {
  for (const button of root.querySelectorAll("button[data-copied][hidden]")) button.hidden = false;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("button[data-copied]");
  if (!button) return;
  try {
    await copyOf(button);
    say(button, button.dataset.copied);
  } catch {
    say(button, button.dataset.failed);
  }
});

show(document);
document.addEventListener("htmx:load", (event) => show(event.detail.elt));
for (const print of document.querySelectorAll("button[data-print][hidden]")) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}
