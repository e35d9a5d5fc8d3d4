// Confirmations in the page's one dialog (templates/parts/_dialog.html); without JavaScript each is a page of its own.
//
//   <a href="/races/x/close" data-dialog>             the answer to GET is shown in the dialog
//   <button formaction="/racers/pause" data-dialog>   the same with the fields of its GET form
//   <a href="/races/x" data-dialog-close>             Cancel: closes the dialog; a link back on the page
//
// The view answers with hx.render(page, fragment): the fragment has a heading, which names the dialog, and a form. A form
// that is refused (422) is shown again; one that succeeds answers with hx.redirect, and the browser goes there.

const dialog = document.getElementById("page-dialog");
const content = document.getElementById("page-dialog-content");
const asFragment = { "HX-Request": "true", "HX-Current-URL": location.href };
let opener = null;
let asking = false;

function go(address) {
  const target = new URL(address, location.href);
  const samePage = target.pathname === location.pathname && target.search === location.search;
  if (samePage && target.hash) {
    location.hash = target.hash;
    location.reload();
  } else {
    location.assign(target);
  }
}

function nameDialog() {
  const heading = content.querySelector("h1, h2, h3");
  dialog.removeAttribute("aria-label");
  dialog.removeAttribute("aria-labelledby");
  if (heading) {
    heading.id ||= "page-dialog-title";
    heading.tabIndex = -1;
    dialog.setAttribute("aria-labelledby", heading.id);
  } else {
    dialog.setAttribute("aria-label", content.textContent.trim().slice(0, 80));
  }
  return heading;
}

function show(html) {
  htmx.swap(content, html, { swapStyle: "innerHTML", swapDelay: 0, settleDelay: 0 });
  const heading = nameDialog();
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  const first = content.querySelector('[aria-invalid="true"]') ?? content.querySelector("[autofocus]") ?? heading;
  first?.focus();
}

function sayAway() {
  const message = document.createElement("p");
  message.className = "notice error";
  message.setAttribute("role", "alert");
  message.textContent = dialog.dataset.away;
  if (dialog.open) content.querySelector('[role="alert"].notice')?.remove();
  else content.replaceChildren();
  content.prepend(message);
  if (!dialog.open) {
    nameDialog();
    dialog.showModal();
  }
}

async function ask(address, options = {}) {
  if (asking) return;
  asking = true;
  const waiting = dialog.open ? content : opener;
  waiting?.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address, { ...options, headers: asFragment, credentials: "same-origin" });
    const next = answer.headers.get("HX-Redirect");
    if (next) go(next);
    else if (answer.redirected) go(answer.url);
    else show(await answer.text());
  } catch {
    sayAway();
  } finally {
    asking = false;
    waiting?.removeAttribute("aria-busy");
  }
}

function addressOf(form, submitter) {
  const address = new URL(submitter?.getAttribute("formaction") ?? form.getAttribute("action") ?? "", location.href);
  address.search = new URLSearchParams(new FormData(form, submitter));
  return address;
}

document.addEventListener("click", (event) => {
  if (event.target.closest?.("#page-dialog [data-dialog-close]")) {
    event.preventDefault();
    dialog.close();
    return;
  }
  const link = event.target.closest?.("a[data-dialog]");
  const elsewhere = event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
  if (!link || elsewhere || event.defaultPrevented) return;
  event.preventDefault();
  if (!dialog.open) opener = link;
  ask(link.href);
});

// In the capturing phase: before page.js marks the form as sent.
document.addEventListener(
  "submit",
  (event) => {
    const { target: form, submitter } = event;
    const method = submitter?.getAttribute("formmethod") ?? form.getAttribute("method") ?? "get";
    if (method === "dialog") return;
    if (method === "post" && content.contains(form)) {
      event.preventDefault();
      const data = new FormData(form, submitter);
      const body = form.enctype === "multipart/form-data" ? data : new URLSearchParams(data);
      ask(submitter?.getAttribute("formaction") ?? form.getAttribute("action") ?? "", { method: "POST", body });
    } else if (method === "get" && (submitter ?? form).hasAttribute("data-dialog")) {
      event.preventDefault();
      if (!dialog.open) opener = submitter ?? form;
      ask(addressOf(form, submitter));
    }
  },
  true,
);

dialog.addEventListener("close", () => {
  if (dialog.open) return; // browsers tell late, with the next frame: it may have been opened again by then
  content.replaceChildren();
  if (opener?.isConnected) opener.focus();
  opener = null;
});

addEventListener("pageshow", (event) => {
  if (event.persisted && dialog.open) dialog.close();
});
