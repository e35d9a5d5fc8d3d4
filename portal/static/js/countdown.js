// Counts down to the moments that a page names. Nothing here is a live region: a ticking clock is not read out.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function words(left) {
  const days = Math.floor(left / DAY);
  const hours = Math.floor((left % DAY) / HOUR);
  const minutes = Math.floor((left % HOUR) / MINUTE);
  const seconds = Math.floor((left % MINUTE) / SECOND);
  const two = (a, unitA, b, unitB) => (b ? `${a} ${unitA} ${b} ${unitB}` : `${a} ${unitA}`);
  if (days) return two(days, "d", hours, "h");
  if (hours) return two(hours, "h", minutes, "min");
  if (minutes) return two(minutes, "min", seconds, "s");
  return `${seconds} s`;
}

let over = false;

function tick() {
  for (const clock of document.querySelectorAll("[data-until]")) {
    const left = Date.parse(clock.dataset.until) - Date.now();
    const text = words(Math.max(0, left));
    if (clock.textContent !== text) clock.textContent = text;
    // What was coming is there: the page is made anew, not by everybody in the same second.
    if (left <= 0 && left > -MINUTE && !over && !document.querySelector("dialog[open]")) {
      over = true;
      setTimeout(() => location.reload(), 1000 + Math.random() * 4000);
    }
  }
}

tick();
setInterval(tick, SECOND);
document.addEventListener("htmx:load", tick);
