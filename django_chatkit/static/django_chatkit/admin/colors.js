// A colour picker beside each field for a colour. Without it, the colour is typed.
(() => {
  "use strict";

  for (const text of document.querySelectorAll("input[data-chatkit-color]")) {
    const picker = Object.assign(document.createElement("input"), { type: "color", className: "chatkit-color" });
    picker.setAttribute("aria-label", text.dataset.chatkitColor);
    // A picker cannot be empty: it is faint as long as it only repeats what it says by itself.
    const show = () => {
      const chosen = /^#[0-9a-f]{6}$/i.test(text.value);
      if (chosen) picker.value = text.value;
      picker.classList.toggle("chatkit-unset", !chosen);
    };
    picker.addEventListener("input", () => {
      text.value = picker.value;
      show();
    });
    text.addEventListener("input", show);
    const both = Object.assign(document.createElement("span"), { className: "chatkit-color-field" });
    text.before(both);
    both.append(text, picker);
    show();
  }
})();
