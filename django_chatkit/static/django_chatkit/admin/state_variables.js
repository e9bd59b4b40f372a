// Rows of state variables in the admin: offers yes and no as a choice, and hides the value where only a page sets it.
// Without it, both can be typed, and the value is left empty.
(() => {
  "use strict";

  const YES_NO = "boolean";
  const PAGE_ONLY = "page";

  // The text area stays what is submitted; the choice only writes into it.
  function easeRow(group, row) {
    const type = row.querySelector('select[name$="-type"]');
    const text = row.querySelector('textarea[name$="-value"]');
    const client = row.querySelector('input[name$="-client"]');
    const choice = group.querySelector('template[data-chatkit="yes-no"]').content.firstElementChild.cloneNode(true);
    const isWord = (value) => [...choice.options].some((option) => option.value === value);
    const fits = (value) => (type.value === PAGE_ONLY ? !value : type.value !== YES_NO || isWord(value));
    let before = "";
    text.after(choice);

    const show = () => {
      const chosen = type.value === YES_NO && isWord(text.value);
      choice.hidden = !chosen;
      text.hidden = chosen || (type.value === PAGE_ONLY && !text.value);
      if (chosen) choice.value = text.value;
    };
    choice.addEventListener("change", () => { text.value = choice.value; });
    type.addEventListener("change", () => {
      if (!fits(text.value)) [before, text.value] = [text.value, ""];
      else if (before && fits(before)) [before, text.value] = ["", before];
      if (type.value === PAGE_ONLY) client.checked = true;
      show();
    });
    show();
  }

  for (const row of document.querySelectorAll('.chatkit-rows tr:has(select[name$="-type"])')) {
    easeRow(row.closest(".chatkit-rows"), row);
  }
  document.addEventListener("chatkit-row", ({ target }) => {
    if (target.querySelector('select[name$="-type"]')) easeRow(target.closest(".chatkit-rows"), target);
  });
})();
