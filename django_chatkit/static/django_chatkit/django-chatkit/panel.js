/**
 * The floating layout: a button in the corner, and the panel that it opens, full screen on a phone.
 *
 * @typedef {import("./config.js?v=0.1.0").Config} Config
 */

import { openness } from "\x2e/memory.js?v=0.1.0"
import { nameOf } from "\x2e/options.js?v=0.1.0"

/** Where the panel takes the whole screen. The style sheet knows the same. */
const PHONE = "(max-width: 30rem), (max-height: 26rem)";
const SVG = "http://www.w3.org/2000/svg";
const BUBBLE = "M12 3c5 0 9 3.4 9 7.7s-4 7.7-9 7.7c-1 0-2-.1-2.9-.4L4.4 20.5l.9-3.9C3.9 15.2 3 13 3 10.7 3 6.4 7 3 12 3Z";
const CROSS = "M6 6l12 12M18 6L6 18";
/** Of the panels that are open, only one may be. @type {Set<Panel>} */
const open = new Set();
let count = 0;

/** @param {string} path @param {string} name */
function icon(path, name) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  drawing.setAttribute("class", name);
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  drawing.append(line);
  return drawing;
}

/** @param {string} name @param {string} label @param {Element[]} icons */
function iconButton(name, label, ...icons) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: name });
  button.setAttribute("aria-label", label);
  button.append(...icons);
  return button;
}

/**
 * Black or white, whichever can be read on this colour. The browser is asked what the colour is: it knows every notation.
 *
 * @param {string} color
 */
function readableOn(color) {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
  if (!canvas) return "#fff";
  canvas.fillStyle = color;
  canvas.fillRect(0, 0, 1, 1);
  const [red, green, blue] = [...canvas.getImageData(0, 0, 1, 1).data].map((part) => {
    const value = part / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000" : "#fff";
}

/** Every button has a place of its own, in the order of the page. */
export function arrange() {
  /** @type {NodeListOf<HTMLElement>} */
  const floating = document.querySelectorAll("django-chatkit[layout=floating]");
  floating.forEach((element, place) => element.style.setProperty("--django-chatkit-place", String(place)));
}

export class Panel {
  body = Object.assign(document.createElement("div"), { className: "body", tabIndex: -1 });
  dialog = document.createElement("dialog");
  #phone = matchMedia(PHONE);

  /**
   * @param {HTMLElement} element @param {Config} config @param {AbortSignal} signal the end of it
   * @param {(focus: boolean) => void} opened
   */
  constructor(element, config, signal, opened) {
    this.opened = opened;
    this.memory = openness(element, config);
    this.launcher = this.#makeLauncher(config);
    this.#furnish(config);
    element.replaceChildren(this.launcher, this.dialog);
    this.#color(element, config);
    this.#listen(element, signal);
  }

  get isOpen() {
    return open.has(this);
  }

  /** @param {Config} config */
  #makeLauncher({ options, texts }) {
    const title = options.header?.title?.text;
    const label = title ? `${texts.open}: ${title}` : texts.open;
    const launcher = iconButton("launcher", label, icon(BUBBLE, "closed"), icon(CROSS, "opened"));
    this.dialog.id = `django-chatkit-panel-${++count}`;
    launcher.setAttribute("aria-controls", this.dialog.id);
    launcher.setAttribute("aria-expanded", "false");
    return launcher;
  }

  /** @param {Config} config */
  #furnish(config) {
    const name = nameOf(config);
    const heading = Object.assign(document.createElement("p"), { className: "name", textContent: name });
    this.dismiss = iconButton("dismiss", config.texts.close, icon(CROSS, ""));
    const bar = Object.assign(document.createElement("div"), { className: "bar" });
    bar.append(heading, this.dismiss);
    this.dialog.setAttribute("role", "dialog");
    this.dialog.setAttribute("aria-label", name);
    this.dialog.append(bar, this.body);
  }

  /** @param {HTMLElement} element @param {Config} config */
  #color({ style }, { options: { theme } }) {
    const accent = typeof theme === "object" ? theme.color?.accent?.primary : undefined;
    if (!accent || !CSS.supports("color", accent)) return;
    style.setProperty("--django-chatkit-accent", accent);
    style.setProperty("--django-chatkit-on-accent", readableOn(accent));
  }

  /** @param {HTMLElement} element @param {AbortSignal} signal */
  #listen(element, signal) {
    this.launcher.addEventListener("click", () => (this.isOpen ? this.close() : this.open()), { signal });
    this.dismiss?.addEventListener("click", () => this.close(), { signal });
    this.dialog.addEventListener("cancel", (event) => this.#dismissed(event), { signal });
    this.dialog.addEventListener("close", () => this.isOpen && !this.dialog.open && this.close(), { signal });
    element.addEventListener("keydown", (event) => this.#escape(event), { signal });
    this.#phone.addEventListener("change", () => this.isOpen && this.#show(), { signal });
    signal.addEventListener("abort", () => open.delete(this));
  }

  /** @param {Event} event of the browser's own closing of a modal dialog */
  #dismissed(event) {
    if (event.target !== this.dialog) return; // that of a file chooser bubbles
    event.preventDefault();
    this.close();
  }

  /** @param {KeyboardEvent} event */
  #escape(event) {
    if (event.key !== "Escape" || event.defaultPrevented || !this.isOpen) return;
    event.preventDefault();
    this.close();
  }

  /** @param {boolean} [focus] whether the visitor has asked for it, and wants to be there */
  open(focus = true) {
    for (const other of [...open]) if (other !== this) other.close();
    const before = this.isOpen;
    open.add(this);
    this.memory.value = "open";
    this.launcher.setAttribute("aria-expanded", "true");
    if (!before) this.#show();
    if (focus) this.dismiss?.focus({ preventScroll: true });
    this.opened(focus);
  }

  /** Where the focus is, it stays: `show()` would take it. The modal one takes it, for the page behind is inert. */
  #show() {
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    if (this.dialog.open) this.dialog.close();
    this.dialog.toggleAttribute("aria-modal", false);
    if (this.#phone.matches) {
      this.dialog.showModal();
      this.dialog.setAttribute("aria-modal", "true");
    } else this.dialog.open = true;
    if (this.dialog.contains(focused)) focused?.focus({ preventScroll: true });
  }

  close() {
    const { activeElement } = document;
    const inside = this.dialog.contains(activeElement) || activeElement === document.body;
    open.delete(this);
    this.memory.value = null;
    this.launcher.setAttribute("aria-expanded", "false");
    if (this.dialog.open) this.dialog.close();
    if (inside) this.launcher.focus({ preventScroll: true });
  }

  /** Where a keyboard covers half of the screen, it comes when it is called. */
  get wantsComposer() {
    return !this.#phone.matches && this.isOpen && this.dialog.contains(document.activeElement);
  }
}
