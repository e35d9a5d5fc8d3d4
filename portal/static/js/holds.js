// What a job would hold of the hours, and what is left after it, told while the minutes are typed.

function span(milliseconds) {
  const seconds = Math.round(milliseconds / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const [hours, minutes, rest] = parts;
  if (hours) return minutes ? `${hours} h ${minutes} min` : `${hours} h`;
  if (minutes) return rest ? `${minutes} min ${rest} s` : `${minutes} min`;
  return `${rest} s`;
}

for (const line of document.querySelectorAll("[data-hold-of]")) {
  const field = line.closest("form").elements.namedItem(line.dataset.holdOf);
  const left = Number(line.dataset.leftMs);
  const tell = () => {
    const minutes = Number(field.value.trim().replace(",", "."));
    const held = field.value.trim() && minutes > 0 ? Math.round(minutes * 60_000) : null;
    const fits = held !== null && held <= left;
    const words = held === null ? line.dataset.unknown : fits ? line.dataset.fits : line.dataset.short;
    line.textContent = words.replace("{held}", span(held)).replace("{left}", span(fits ? left - held : left));
    line.classList.toggle("short", held !== null && !fits);
  };
  line.setAttribute("role", "status");
  field.addEventListener("input", tell);
}
