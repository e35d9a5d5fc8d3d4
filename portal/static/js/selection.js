// Tables with check boxes: select all of the page, say how many are selected, and let no action go without any.
// A box with data-select-matching stands for all that match, on whatever page they are; the others then say nothing.

const form = document.querySelector("form[data-selection]");

if (form) {
  const matching = form.querySelector("[data-select-matching]");
  const boxes = [...form.querySelectorAll('input[type="checkbox"][name]')].filter((box) => box !== matching);
  const all = form.querySelector("[data-select-all]");
  const count = form.querySelector("[data-selected-count]");
  const buttons = [...form.querySelectorAll("button[formaction]")];
  const hint = count.textContent;

  const show = () => {
    const everybody = matching?.checked ?? false;
    const selected = boxes.filter((box) => box.checked).length;
    const words = count.dataset.selectedCount.replace("{count}", selected).replace("{total}", boxes.length);
    count.textContent = everybody ? matching.dataset.selectMatching : selected ? words : hint;
    all.checked = everybody || selected === boxes.length;
    all.indeterminate = !everybody && selected > 0 && selected < boxes.length;
    for (const box of [all, ...boxes]) box.disabled = everybody;
    for (const button of buttons) button.disabled = !everybody && selected === 0;
  };

  all.hidden = false;
  count.setAttribute("role", "status");
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    show();
  });
  form.addEventListener("change", show);
  addEventListener("pageshow", show);
  show();
}
