// The helmet on the profile form follows the chosen colours at once; without this it follows when the form is saved.

for (const form of document.querySelectorAll("form[data-helmet]")) {
  const paint = () => {
    for (const part of ["body", "trim"]) {
      const chosen = form.querySelector(`input[name="avatar_${part}"]:checked`);
      if (chosen) form.querySelector(`[data-part="${part}"]`).setAttribute("class", `${part}-${chosen.value}`);
    }
  };
  form.addEventListener("change", paint);
  paint(); // a browser that restores a form restores its choices without telling
}
