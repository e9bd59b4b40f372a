// Hides what the chosen backend of a workflow does not use. Without it, all of it is shown, and says what it is for.
(() => {
  "use strict";

  const USED = { hosted: ["workflow_id", "version", "api_key"], self_hosted: ["agent"] };
  const choices = document.querySelectorAll('input[type="radio"][name="backend"]');

  // What has an error is shown in any case: nothing can be saved before it is mended.
  function show() {
    for (const choice of choices) {
      for (const name of USED[choice.value] ?? []) {
        const row = document.querySelector(`.form-row.field-${name}`);
        if (row) row.hidden = !choice.checked && !row.querySelector(".errorlist");
      }
    }
  }

  for (const choice of choices) choice.addEventListener("change", show);
  if ([...choices].some((choice) => choice.checked)) show();
})();
