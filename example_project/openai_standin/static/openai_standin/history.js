/**
 * The panel with earlier conversations.
 *
 * @typedef {import("./conversation.js").Conversation} Conversation
 * @typedef {import("./conversation.js").Thread} Thread
 */

import { iconButton, make } from "./dom.js";

const PAGE = 20;

export class History {
  #list = make("ul");
  #more = make("button", { type: "button", className: "press", hidden: true, onclick: () => this.#load() }, "Show more");
  #text = make("p", { role: "status", hidden: true });
  /** @type {string | undefined} */
  #after = undefined;
  element = make(
    "section",
    { className: "history", "aria-label": "Earlier chats", hidden: true },
    make("div", { className: "top" }, make("h2", {}, "Earlier chats"), iconButton("close", "Close", () => this.close())),
    this.#list,
    this.#text,
    this.#more,
  );

  /** @param {Conversation} conversation @param {() => void} onClose */
  constructor(conversation, onClose) {
    this.conversation = conversation;
    this.onClose = onClose;
    this.element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Escape") this.close();
    });
  }

  get host() {
    return this.conversation.host;
  }

  async open() {
    this.element.hidden = false;
    this.#list.replaceChildren();
    this.#after = undefined;
    this.host.emit("history.open");
    this.element.querySelector("button").focus();
    await this.#load();
  }

  close() {
    if (this.element.hidden) return;
    this.element.hidden = true;
    this.host.emit("history.close");
    this.onClose();
  }

  async #load() {
    this.#say("Loading…");
    const params = { limit: PAGE, order: "desc", after: this.#after };
    try {
      const { data, has_more, after } = await this.host.backend().request("threads.list", params);
      this.#list.append(...data.map((/** @type {Thread} */ thread) => this.#row(thread)));
      this.#after = after;
      this.#more.hidden = !has_more;
      this.#say(this.#list.childElementCount ? "" : "Nothing here yet.");
    } catch (error) {
      this.#say("The list cannot be shown.");
      this.host.emit("error", { error });
    }
  }

  /** @param {string} text */
  #say(text) {
    this.#text.textContent = text;
    this.#text.hidden = !text;
  }

  /** @param {Thread} thread @returns {HTMLElement} */
  #row(thread) {
    const { showRename = true, showDelete = true } = this.host.options().history ?? {};
    const title = thread.title || "Untitled chat";
    const row = make(
      "li",
      {},
      make("button", { type: "button", className: "open", onclick: () => this.#open(thread) }, title),
      showRename && iconButton("write", `Rename “${title}”`, () => this.#askTitle(row, thread)),
      showDelete && iconButton("remove", `Delete “${title}”`, () => this.#askDelete(row, thread)),
    );
    row.ariaCurrent = String(thread.id === this.conversation.thread?.id);
    return row;
  }

  /** @param {Thread} thread */
  async #open({ id }) {
    this.close();
    await this.conversation.show(id);
  }

  /** @param {HTMLElement} row @param {Thread} thread */
  #askTitle(row, thread) {
    const input = make("input", { value: thread.title ?? "", "aria-label": "New title", required: true });
    const form = make("form", {}, input, make("button", { type: "submit", className: "press primary" }, "Save"));
    form.addEventListener("submit", async (/** @type {Event} */ event) => {
      event.preventDefault();
      const renamed = await this.#ask("threads.update", { thread_id: thread.id, title: input.value });
      if (!renamed) return;
      row.replaceWith(this.#row(renamed));
      this.conversation.update({ id: renamed.id, title: renamed.title });
    });
    row.replaceChildren(form);
    input.select();
  }

  /** @param {HTMLElement} row @param {Thread} thread */
  #askDelete(row, thread) {
    const keep = make("button", { type: "button", className: "press" }, "Keep");
    const drop = make("button", { type: "button", className: "press danger" }, "Delete");
    keep.addEventListener("click", () => row.replaceWith(this.#row(thread)));
    drop.addEventListener("click", async () => {
      if (!(await this.#ask("threads.delete", { thread_id: thread.id }))) return;
      row.remove();
      if (!this.#list.childElementCount) this.#say("Nothing here yet.");
      if (thread.id === this.conversation.thread?.id) this.conversation.show(null);
    });
    row.replaceChildren(make("span", { className: "open" }, `Delete “${thread.title || "Untitled chat"}”?`), keep, drop);
    keep.focus();
  }

  /** @param {string} type @param {object} params */
  async #ask(type, params) {
    try {
      return await this.host.backend().request(type, params);
    } catch (error) {
      this.#say("That did not work.");
      this.host.emit("error", { error });
      return null;
    }
  }
}
