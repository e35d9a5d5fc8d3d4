// The dates of a new race are asked for in the organizer's own time zone, where the browser knows it.
// A form that comes back with errors keeps what was chosen.

const form = document.querySelector("[data-zone-form='new']");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const select = form?.elements.namedItem("time_zone");

const twoDigits = (number) => String(number).padStart(2, "0");

function asLocal(utc) {
  const moment = new Date(`${utc}Z`);
  const date = [moment.getFullYear(), moment.getMonth() + 1, moment.getDate()].map(twoDigits).join("-");
  return `${date}T${twoDigits(moment.getHours())}:${twoDigits(moment.getMinutes())}`;
}

if (select && select.value === "UTC" && [...select.options].some((option) => option.value === zone)) {
  for (const name of ["opens", "closes"]) {
    const field = form.elements.namedItem(name);
    if (field.value) field.value = asLocal(field.value);
  }
  select.value = zone;
}
