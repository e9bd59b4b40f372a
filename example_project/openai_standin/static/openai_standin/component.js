/**
 * <openai-chatkit>, the stand-in: OpenAI's interface around a conversation, a composer and a history of our own.
 *
 * `data-secrets` counts the client secrets it was given, and `data-fingerprint` tells them apart without showing them;
 * `data-ready` says for which kind of api it is ready.
 *
 * @typedef {import("@openai/chatkit").ChatKitOptions} ChatKitOptions
 * @typedef {import("@openai/chatkit").OpenAIChatKit} OpenAIChatKit
 */

import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { iconButton, make, markdown } from "./dom.js";
import { History } from "./history.js";
import { Hosted } from "./hosted.js";
import { dress } from "./look.js";
import { check } from "./options.js";
import { SelfHosted } from "./self_hosted.js";
import { sheet } from "./style.js";

class OpenAIChatKitStandIn extends HTMLElement {
  #root = this.attachShadow({ mode: "open" });
  /** @type {ChatKitOptions | null} */
  #options = null;
  /** @type {Hosted | SelfHosted | null} */
  #backend = null;
  /** Like the real one, which lives in a frame: once it has been taken out of the page it does not come back. */
  #gone = false;
  #title = make("b");
  #foot = make("footer");
  #conversation = new Conversation({
    backend: () => /** @type {Hosted | SelfHosted} */ (this.#backend),
    options: () => /** @type {ChatKitOptions} */ (this.#options),
    emit: (name, detail) => this.#emit(name, detail),
    showThread: (thread) => this.#showThread(thread),
    showBusy: (busy, canStop = false) => this.#composer.show({ busy, canStop }),
  });
  #composer = new Composer({
    send: (text, attachments) => this.#send([{ type: "input_text", text }], { attachments }),
    stop: () => this.#conversation.stop(),
    upload: (file) => /** @type {Hosted | SelfHosted} */ (this.#backend).upload(file),
    forget: ({ id }) => this.#backend?.request("attachments.delete", { attachment_id: id }).catch(this.#complain),
    complain: (error) => this.#complain(error),
  });
  #past = iconButton("history", "Earlier chats", () => this.showHistory());
  #history = new History(this.#conversation, () => this.#past.focus());
  #header = make(
    "header",
    {},
    this.#title,
    make("span", { className: "badge", textContent: "Stand-in, not OpenAI" }),
    this.#past,
    iconButton("write", "New chat", () => this.setThreadId(null)),
  );
  #main = make(
    "section",
    { className: "frame", hidden: true },
    this.#header,
    this.#conversation.log,
    this.#composer.element,
    this.#foot,
  );

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [sheet];
    this.#root.append(this.#main);
    this.#main.append(this.#history.element);
  }

  connectedCallback() {
    if (this.#options && !this.#gone) this.#begin();
  }

  disconnectedCallback() {
    this.#gone = true;
    this.#backend?.end();
    this.#conversation.stop();
    this.#root.replaceChildren();
  }

  /** Replaces every option. @param {ChatKitOptions} options */
  setOptions(options) {
    try {
      check(options);
    } catch (error) {
      this.#complain(error);
      throw error;
    }
    const first = !this.#options;
    this.#options = options;
    this.#connect(options.api);
    this.#show(options);
    if (first && this.isConnected && !this.#gone) this.#begin();
  }

  /** @param {ChatKitOptions["api"]} api */
  #connect(api) {
    const kind = "url" in api ? "self_hosted" : "hosted";
    if (this.#backend?.kind === kind) this.#backend.api = /** @type {any} */ (api);
    else this.#backend = "url" in api ? new SelfHosted(api) : new Hosted(api, this, (error) => this.#complain(error));
  }

  // --- what the page may call ---

  async focusComposer() {
    this.#composer.input.focus();
  }

  /** @param {string | null} threadId */
  async setThreadId(threadId) {
    this.#history.close();
    await this.#conversation.show(threadId);
  }

  /** @param {Parameters<OpenAIChatKit["sendUserMessage"]>[0]} message */
  async sendUserMessage({ text = "", content, newThread = false, reply, attachments, toolChoice, model }) {
    if (newThread) await this.setThreadId(null);
    const inference_options = { tool_choice: toolChoice, model };
    await this.#send(content ?? [{ type: "input_text", text }], { attachments, quoted_text: reply, inference_options });
  }

  /** @param {Parameters<OpenAIChatKit["setComposerValue"]>[0]} value */
  async setComposerValue({ content, text = content?.map((part) => part.text).join(""), attachments = [], files = [] }) {
    if (text !== undefined) this.#composer.input.value = text;
    for (const attachment of attachments) this.#composer.enclose(attachment);
    await this.#composer.attach(files);
  }

  /** @param {{type: string, payload?: object}} action @param {string} [itemId] */
  async sendCustomAction(action, itemId) {
    await this.#conversation.act(action, itemId ? { id: itemId, type: "widget" } : undefined);
  }

  async showHistory() {
    await this.#history.open();
  }

  async hideHistory() {
    this.#history.close();
  }

  async fetchUpdates() {
    if (this.#conversation.thread) await this.#conversation.show(this.#conversation.thread.id);
  }

  // --- inside ---

  /** @param {any[]} content @param {object} more */
  #send(content, more) {
    return this.#conversation.send({ attachments: [], inference_options: {}, ...clean(more), content });
  }

  /** @param {string} name @param {unknown} [detail] */
  #emit(name, detail) {
    // In the real component only this one bubbles.
    const bubbles = name === "ready";
    this.dispatchEvent(new CustomEvent(`chatkit.${name}`, { detail, bubbles, composed: bubbles }));
  }

  /** @param {unknown} error */
  #complain = (error) => this.#emit("error", { error });

  #begin() {
    this.#conversation.welcome();
    // Later, as a frame would be: whoever mounts it is still busy.
    setTimeout(async () => {
      if (this.#gone || !this.#backend) return;
      this.#main.hidden = false;
      this.#emit("ready");
      const ready = await this.#backend.begin();
      const { initialThread } = this.#options ?? {};
      if (ready && initialThread && !this.#gone) await this.#conversation.show(initialThread);
      this.#composer.show({ ready });
      this.dataset.ready = this.#backend.kind;
    });
  }

  /** @param {ChatKitOptions} options */
  #show({ theme, header, composer, disclaimer, frameTitle, history }) {
    dress(this, theme);
    this.#header.hidden = header?.enabled === false;
    this.#past.hidden = history?.enabled === false || !this.#backend?.remembers;
    this.#foot.replaceChildren(markdown(disclaimer?.text ?? ""));
    this.#foot.hidden = !disclaimer;
    this.#foot.classList.toggle("strong", Boolean(disclaimer?.highContrast));
    this.#main.ariaLabel = frameTitle ?? "Chat";
    this.#conversation.refresh();
    this.#composer.configure(composer);
    this.#showThread(this.#conversation.thread);
  }

  /** @param {import("./conversation.js").Thread | null} thread */
  #showThread(thread) {
    const { enabled, text } = this.#options?.header?.title ?? {};
    this.#title.textContent = enabled === false ? "" : (text ?? thread?.title ?? "");
    const { type = "active", reason = "This conversation is closed." } = thread?.status ?? {};
    this.#composer.show({ closed: type === "active" ? null : reason });
  }
}

/** Without what is not set. @param {object} values */
const clean = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

if (!customElements.get("openai-chatkit")) customElements.define("openai-chatkit", OpenAIChatKitStandIn);
