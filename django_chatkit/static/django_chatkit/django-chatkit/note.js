/**
 * What is said before and instead of the chat, to eyes and ears: each thing once.
 */

/** How often the time that is left is shown anew, in milliseconds. */
const TICK = 1000;

/** @typedef {"loading" | "error" | "offline" | "online"} State */

/**
 * Its direction is its own: where there is no translation, say on a page in Hebrew, it is English.
 *
 * @param {string} text @param {Record<string, string>} [attributes]
 */
function paragraph(text, attributes = {}) {
  const made = Object.assign(document.createElement("p"), { textContent: text, dir: "auto" });
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

export class Note {
  element = document.createElement("div");
  #text = paragraph("");
  #timer = 0;

  /** @type {State | null} */
  get state() {
    return this.element.hidden ? null : /** @type {State} */ (this.element.dataset.state);
  }

  /** @param {State} state @param {string} text @param {HTMLElement[]} more what is shown with it, and not read aloud */
  say(state, text, ...more) {
    this.#stop();
    const role = state === "error" ? "alert" : "status";
    // A status is announced when its text changes, an alert when it appears.
    if (role === "status" && this.#text.getAttribute("role") === role && this.#text.isConnected) this.#text.textContent = text;
    else this.#text = paragraph(text, { role });
    Object.assign(this.element, { hidden: false }).dataset.state = state;
    this.element.replaceChildren(this.#text, ...more);
  }

  hide() {
    this.#stop();
    this.element.hidden = true;
  }

  /**
   * Shows how long there is to wait. It is announced with what was said, and again when it is over, not in between.
   *
   * @param {number} seconds @param {(seconds: number) => string} text @param {string} over
   */
  countDown(seconds, text, over) {
    const end = Date.now() + seconds * TICK;
    const spoken = this.#text;
    const shown = paragraph(text(seconds), { "aria-hidden": "true" });
    const status = paragraph("", { role: "status", class: "spoken" });
    spoken.className = "spoken";
    spoken.after(shown, status);
    this.#timer = window.setInterval(() => {
      const left = Math.ceil((end - Date.now()) / TICK);
      if (left > 0) return void (shown.textContent = text(left));
      this.#stop();
      spoken.remove();
      shown.remove();
      status.className = "";
      status.textContent = over;
    }, TICK);
  }

  #stop() {
    clearInterval(this.#timer);
  }
}
