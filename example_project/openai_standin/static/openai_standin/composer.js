/**
 * Where a message is written and files are attached.
 *
 * @typedef {import("@openai/chatkit").ChatKitOptions} ChatKitOptions
 *
 * @typedef {object} Deeds
 * @property {(text: string, attachments: any[]) => void} send
 * @property {() => void} stop
 * @property {(file: File) => Promise<any>} upload
 * @property {(attachment: any) => void} forget a file that was sent and is not wanted any more
 * @property {(error: unknown) => void} complain
 *
 * @typedef {{chip: HTMLElement, attachment: any}} Enclosure `attachment` is null until the file has arrived.
 */

import { icon, iconButton, make } from "./dom.js";
import { renderAttachment } from "./items.js";

const MEGABYTE = 1024 * 1024;

export class Composer {
  input = make("textarea", { rows: 1 });
  #submit = make("button", { type: "submit", "aria-label": "Send" }, icon("send"));
  #stop = make("button", { type: "button", "aria-label": "Stop", hidden: true, onclick: () => this.deeds.stop() }, icon("stop"));
  #files = make("input", { type: "file", multiple: true, hidden: true, onchange: () => this.attach(this.#files.files) });
  #attach = iconButton("attach", "Attach a file", () => this.#files.click());
  #chips = make("div", { className: "files" });
  #warning = make("p", { className: "warning", role: "alert", hidden: true });
  /** @type {Enclosure[]} */
  #enclosed = [];
  /** @type {NonNullable<ChatKitOptions["composer"]>["attachments"]} */
  #limits = undefined;
  #ready = false;
  #busy = false;
  #placeholder = "";
  /** Why nothing can be written here. @type {string | null} */
  #closed = null;

  /** @param {Deeds} deeds */
  constructor(deeds) {
    this.deeds = deeds;
    const row = make("div", { className: "row" }, this.#attach, this.input, this.#submit, this.#stop);
    this.element = make("form", { className: "composer" }, this.#chips, this.#warning, row, this.#files);
    this.element.addEventListener("submit", (/** @type {Event} */ event) => this.#send(event));
    this.input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) this.#send(event);
    });
  }

  /** @param {ChatKitOptions["composer"]} options */
  configure({ placeholder = "Message the AI", attachments } = {}) {
    this.#limits = attachments;
    this.#placeholder = this.input.ariaLabel = placeholder;
    this.#attach.hidden = !attachments?.enabled;
    this.#files.accept = Object.entries(attachments?.accept ?? {}).flat(2).join(",");
    this.#refresh();
  }

  /** @param {{ready?: boolean, busy?: boolean, canStop?: boolean, closed?: string | null}} state */
  show({ ready = this.#ready, busy = this.#busy, canStop = !this.#stop.hidden, closed = this.#closed }) {
    this.#ready = ready;
    this.#busy = busy;
    this.#stop.hidden = !(busy && canStop);
    this.#submit.hidden = !this.#stop.hidden;
    this.#closed = closed;
    this.#refresh();
  }

  #refresh() {
    const waiting = this.#enclosed.some(({ attachment }) => !attachment);
    this.input.placeholder = this.#closed ?? this.#placeholder;
    this.input.disabled = this.#closed !== null;
    this.#submit.disabled = !this.#ready || this.#busy || waiting || this.input.disabled;
    this.#chips.hidden = !this.#enclosed.length;
  }

  /** @param {Event} event */
  #send(event) {
    event.preventDefault();
    const text = this.input.value.trim();
    if (this.#submit.disabled || !(text || this.#enclosed.length)) return;
    const attachments = this.#enclosed.map(({ attachment }) => attachment);
    this.input.value = "";
    this.#enclosed = [];
    this.#chips.replaceChildren();
    this.#warn("");
    this.deeds.send(text, attachments);
  }

  // --- files ---

  /** @param {Iterable<File>} files */
  async attach(files) {
    this.#warn("");
    await Promise.all([...files].map((file) => this.#enclose(file)));
    this.#files.value = "";
  }

  /** @param {File} file */
  async #enclose(file) {
    const problem = this.#problemOf(file);
    if (problem) return this.#warn(problem);
    const enclosure = this.#add(make("span", { className: "file" }, file.name), null);
    enclosure.chip.ariaBusy = "true";
    try {
      const attachment = await this.deeds.upload(file);
      this.#drop(enclosure);
      this.enclose(attachment);
    } catch (error) {
      this.#drop(enclosure);
      this.#warn(`“${file.name}” could not be sent.`);
      this.deeds.complain(error);
    }
  }

  /** @param {File} file */
  #problemOf({ name, size, type }) {
    const { maxSize = 100 * MEGABYTE, maxCount = 10 } = this.#limits ?? {};
    const most = typeof maxSize === "number" ? maxSize : (maxSize[type] ?? maxSize["*"] ?? 100 * MEGABYTE);
    if (this.#enclosed.length >= maxCount) return `No more than ${maxCount} files go with a message.`;
    return size > most ? `“${name}” is larger than ${Math.floor((most / MEGABYTE) * 10) / 10} MB.` : "";
  }

  /** What has been uploaded already. @param {any} attachment */
  enclose(attachment) {
    this.#add(renderAttachment(attachment), attachment);
  }

  /** @param {Node} look @param {any} attachment @returns {Enclosure} */
  #add(look, attachment) {
    const chip = make("span", { className: "chip" }, look);
    const enclosure = { chip, attachment };
    const remove = iconButton("close", `Remove ${attachment?.name ?? ""}`, () => {
      this.#drop(enclosure);
      this.deeds.forget(attachment);
    });
    if (attachment) chip.append(remove);
    this.#chips.append(chip);
    this.#enclosed.push(enclosure);
    this.#refresh();
    return enclosure;
  }

  /** @param {Enclosure} enclosure */
  #drop(enclosure) {
    enclosure.chip.remove();
    this.#enclosed = this.#enclosed.filter((other) => other !== enclosure);
    this.#refresh();
  }

  /** @param {string} text */
  #warn(text) {
    this.#warning.textContent = text;
    this.#warning.hidden = !text;
  }
}
