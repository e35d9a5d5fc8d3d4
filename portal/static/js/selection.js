// Tables with check boxes: select all of the page, say how many are selected, and let no action go without any.

const form = document.querySelector("form[data-selection]");

if (form) {
  const boxes = [...form.querySelectorAll('input[type="checkbox"][name]')];
  const all = form.querySelector("[data-select-all]");
  const count = form.querySelector("[data-selected-count]");
  const buttons = [...form.querySelectorAll("button[formaction]")];
  const hint = count.textContent;

  const show = () => {
    const selected = boxes.filter((box) => box.checked).length;
    const words = count.dataset.selectedCount.replace("{count}", selected).replace("{total}", boxes.length);
    count.textContent = selected ? words : hint;
    all.checked = selected === boxes.length;
    all.indeterminate = selected > 0 && selected < boxes.length;
    for (const button of buttons) button.disabled = selected === 0;
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
