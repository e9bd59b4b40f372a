// Says what the chosen preset of a workflow comes to, also when it was just made or changed in a window of its own.
(() => {
  "use strict";

  const words = document.querySelector('[data-chatkit="preset"]');
  const select = document.getElementById("id_chatkit_configuration");

  async function show() {
    const chosen = select.value;
    const answer = await fetch(words.dataset.url + (chosen ? `${chosen}/` : ""));
    if (answer.ok && select.value === chosen) words.textContent = await answer.text();
  }

  // Windows of the admin tell their results through the admin's own jQuery, which plain listeners do not hear.
  if (words && select) window.django.jQuery(select).on("change", show);
})();
