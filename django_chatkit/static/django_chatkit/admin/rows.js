// Rows in the admin: adds more, and moves them by buttons instead of numbers. Without it, a few empty rows are there.
// Each row that is added is told by an event, "chatkit-row", for whatever else wants to make it easier.
(() => {
  "use strict";

  const order = (row) => row.querySelector('input[name$="-ORDER"]');
  const rowsOf = (group) => [...group.querySelectorAll("tbody > tr")];

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
    row.dispatchEvent(new CustomEvent("chatkit-row", { bubbles: true }));
    if (order(row)) number(group);
    row.querySelector("input").focus();
  }

  // The numbers are what is submitted; the buttons only write them. The first row cannot go up, the last not down.
  function number(group) {
    const rows = rowsOf(group);
    rows.forEach((row, index) => {
      order(row).value = String(index + 1);
      order(row).hidden = true;
      row.querySelector(".chatkit-move").hidden = false;
      row.querySelector('[data-chatkit="up"]').disabled = index === 0;
      row.querySelector('[data-chatkit="down"]').disabled = index === rows.length - 1;
    });
  }

  function move(group, button) {
    const row = button.closest("tr");
    if (button.dataset.chatkit === "up") row.previousElementSibling.before(row);
    else row.nextElementSibling.after(row);
    number(group);
    (button.disabled ? row.querySelector(".chatkit-move button:enabled") : button)?.focus();
  }

  function startOrder(group) {
    const place = (row) => Number(order(row).value || Infinity);
    group.querySelector("tbody").append(...rowsOf(group).sort((one, other) => place(one) - place(other) || 0));
    group.addEventListener("click", (event) => {
      const button = event.target.closest(".chatkit-move button");
      if (button) move(group, button);
    });
    number(group);
  }

  function start(group) {
    const button = group.querySelector('button[data-chatkit="add"]');
    button.hidden = false;
    button.addEventListener("click", () => addRow(group));
    if (group.querySelector("th.column-order")) startOrder(group);
  }

  document.querySelectorAll(".chatkit-rows").forEach(start);
})();
