// What every page does: the CSRF token for HTMX, times in the reader's zone, forms that cannot be sent twice.

const token = document.querySelector('meta[name="csrf-token"]').content;

document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRFToken"] = token;
});

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
    time.title = time.textContent;
    time.textContent = exact.format(new Date(time.dateTime));
    time.dataset.local = "";
  }
}

function openDialogs(root) {
  for (const opener of root.querySelectorAll("[data-opens]:not([data-ready])")) {
    opener.dataset.ready = "";
    opener.addEventListener("click", (event) => {
      const dialog = document.getElementById(opener.dataset.opens);
      if (!dialog) return;
      event.preventDefault();
      dialog.showModal();
    });
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "true";
  setTimeout(() => delete form.dataset.sent, 4000);
});

addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

localTimes(document);
openDialogs(document);
document.addEventListener("htmx:load", (event) => {
  localTimes(event.detail.elt);
  openDialogs(event.detail.elt);
});
