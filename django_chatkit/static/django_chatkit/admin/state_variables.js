// Rows of state variables in the admin: adds rows, and offers yes and no as a choice. Without it, both can be typed.
(() => {
  "use strict";

  const YES_NO = "boolean";

  function addRow(group) {
    const total = group.querySelector('input[name$="-TOTAL_FORMS"]');
    const row = group.querySelector('template[data-chatkit="row"]').content.cloneNode(true).firstElementChild;
    for (const element of row.querySelectorAll("[name], [id], [for]")) {
      for (const attribute of ["name", "id", "for", "aria-describedby"]) {
        const value = element.getAttribute(attribute);
        if (value) element.setAttribute(attribute, value.replace("__prefix__", total.value));
      }
    }
    total.value = String(Number(total.value) + 1);
    group.querySelector("tbody").append(row);
    offerYesNo(group, row);
    row.querySelector("input").focus();
  }

  // The text area stays what is submitted; the choice only writes into it.
  function offerYesNo(group, row) {
    const type = row.querySelector('select[name$="-type"]');
    const text = row.querySelector('textarea[name$="-value"]');
    const choice = group.querySelector('template[data-chatkit="yes-no"]').content.firstElementChild.cloneNode(true);
    const isWord = (value) => [...choice.options].some((option) => option.value === value);
    let before = "";
    text.after(choice);

    const show = () => {
      const chosen = type.value === YES_NO && isWord(text.value);
      choice.hidden = !chosen;
      text.hidden = chosen;
      if (chosen) choice.value = text.value;
    };
    choice.addEventListener("change", () => { text.value = choice.value; });
    type.addEventListener("change", () => {
      if (type.value === YES_NO && !isWord(text.value)) [before, text.value] = [text.value, ""];
      else if (type.value !== YES_NO && before) [before, text.value] = ["", before];
      show();
    });
    show();
  }

  function start(group) {
    for (const row of group.querySelectorAll("tbody > tr")) offerYesNo(group, row);
    const button = group.querySelector('button[data-chatkit="add"]');
    button.hidden = false;
    button.addEventListener("click", () => addRow(group));
  }

  document.querySelectorAll(".chatkit-rows").forEach(start);
})();
