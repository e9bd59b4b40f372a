/**
 * What is on the screen between the header and the composer, and the turns that change it.
 *
 * @typedef {import("@openai/chatkit").ChatKitOptions} ChatKitOptions
 * @typedef {import("./items.js").Item} Item
 * @typedef {import("./hosted.js").Hosted | import("./self_hosted.js").SelfHosted} Backend
 * @typedef {{id: string, title?: string, status?: {type: string, reason?: string}}} Thread
 * @typedef {{content: any[], attachments: any[], quoted_text?: string, inference_options: object}} Message
 *
 * @typedef {object} Host The component around it.
 * @property {() => Backend} backend
 * @property {() => ChatKitOptions} options
 * @property {(name: string, detail?: unknown) => void} emit
 * @property {(thread: Thread | null) => void} showThread
 * @property {(busy: boolean, canStop?: boolean) => void} showBusy
 */

import { icon, iconButton, make, markdown } from "./dom.js";
import { renderItem, updated } from "./items.js";
import { startScreen } from "./start.js";

const WRONG = "Something went wrong.";
/** Pixels from the end within which somebody reads the end. */
const NEAR = 120;

export class Conversation {
  log = make("div", { role: "log", "aria-live": "polite", tabIndex: 0 });
  /** @type {Thread | null} */
  thread = null;
  /** @type {Map<string, {item: Item, element: HTMLElement | null}>} */
  #items = new Map();
  /** The turn that is going on. @type {AbortController | null} */
  #turn = null;
  /** A message that the server has not taken yet. @type {HTMLElement | null} */
  #sending = null;
  #progress = make("p", { className: "progress", role: "status" });

  /** @param {Host} host */
  constructor(host) {
    this.host = host;
  }

  get busy() {
    return Boolean(this.#turn);
  }

  // --- threads ---

  /** @param {string | null} threadId */
  async show(threadId) {
    this.stop();
    this.#clear();
    if (!threadId) return this.#enter(null);
    this.host.emit("thread.load.start", { threadId });
    this.log.append(make("p", { className: "progress", role: "status" }, "Loading…"));
    try {
      const { items, ...thread } = await this.host.backend().request("threads.get_by_id", { thread_id: threadId });
      this.#clear();
      for await (const item of this.#allItems(threadId, items)) this.#put(item);
      this.#enter(thread);
    } catch (error) {
      this.#clear();
      this.#enter(null);
      this.#fail("This conversation cannot be opened.");
      this.host.emit("error", { error });
    }
    this.#addActions();
    this.#toEnd();
    this.host.emit("thread.load.end", { threadId });
  }

  /** A thread comes with its first page. @param {string} threadId @param {any} page */
  async *#allItems(threadId, page) {
    yield* page.data;
    while (page.has_more) {
      const params = { thread_id: threadId, order: "asc", limit: 100, after: page.after };
      page = await this.host.backend().request("items.list", params);
      yield* page.data;
    }
  }

  /** @param {Thread | null} thread */
  #enter(thread) {
    const before = this.thread?.id ?? null;
    this.thread = thread;
    this.host.showThread(thread);
    if (!thread) this.welcome();
    if (before !== (thread?.id ?? null)) this.host.emit("thread.change", { threadId: thread?.id ?? null });
  }

  /** What somebody else has changed. @param {Thread} thread */
  update(thread) {
    if (thread.id !== this.thread?.id) return;
    this.thread = { ...this.thread, ...thread };
    this.host.showThread(this.thread);
  }

  welcome() {
    const send = (/** @type {any[]} */ content) => this.send({ content, attachments: [], inference_options: {} });
    this.log.replaceChildren(startScreen(this.host.options().startScreen, send));
  }

  /** After a change of the options. */
  refresh() {
    if (this.log.querySelector(".start")) this.welcome();
  }

  #clear() {
    this.#items.clear();
    this.#sending = null;
    this.log.replaceChildren();
  }

  // --- turns ---

  /** @param {Message} message */
  async send({ attachments, ...message }) {
    if (this.#turn) return;
    this.#sending = renderItem({ id: "", type: "user_message", ...message, attachments }, this);
    this.log.querySelector(".start")?.remove();
    this.log.append(/** @type {HTMLElement} */ (this.#sending));
    this.#toEnd();
    const input = { ...message, attachments: attachments.map(({ id }) => id) };
    if (this.thread) await this.#run("threads.add_user_message", { thread_id: this.thread.id, input });
    else await this.#run("threads.create", { input });
  }

  stop() {
    this.#turn?.abort();
    this.#turn = null;
    this.host.showBusy(false);
  }

  /** @param {any} action @param {Item} [item] the widget that it belongs to */
  async act({ type, payload, handler = "server", streaming = true }, item) {
    const action = { type, payload };
    if (handler === "client" && item) {
      return this.host.options().widgets?.onAction?.(action, { id: item.id, widget: item.widget });
    }
    if (!this.thread || this.#turn) return;
    const params = { thread_id: this.thread.id, item_id: item?.id, action };
    if (streaming) return this.#run("threads.custom_action", params);
    const answer = await this.host.backend().request("threads.sync_custom_action", params);
    if (answer.updated_item) this.#put(answer.updated_item);
  }

  /** @param {Item} item @param {object} input */
  submit(item, input) {
    return this.#run("threads.add_structured_input", { thread_id: this.thread?.id, item_id: item.id, input });
  }

  /** Have the last message answered anew. */
  async retry() {
    const last = [...this.#items.values()].reverse().find(({ item }) => item.type === "user_message");
    if (!last || this.#turn) return;
    let after = false;
    for (const [id, { element }] of [...this.#items]) {
      if (after) this.#remove(id);
      after ||= element === last.element;
    }
    await this.#run("threads.retry_after_item", { thread_id: this.thread?.id, item_id: last.item.id });
  }

  /** @param {string} type @param {object} params */
  async #run(type, params) {
    const turn = (this.#turn = new AbortController());
    this.#begin();
    let began = false;
    try {
      for await (const event of this.host.backend().stream(type, params, turn.signal)) {
        if (turn.signal.aborted) break;
        if (!began && event.type === "stream_options") this.host.emit("response.start");
        began ||= event.type === "stream_options";
        this.#apply(event, () => this.#again(type, params));
      }
    } catch (error) {
      if (!turn.signal.aborted) this.#fail(WRONG, () => this.#again(type, params));
      if (!turn.signal.aborted) this.host.emit("error", { error });
    }
    if (this.#turn === turn) this.#end();
    if (began) this.host.emit("response.end");
    await this.#callTool();
  }

  #begin() {
    for (const old of this.log.querySelectorAll(".error, .actions")) old.remove();
    this.host.showBusy(true);
    // Heard when it is complete, not word by word.
    this.log.ariaBusy = "true";
    this.#say("");
  }

  #end() {
    this.#turn = null;
    this.log.ariaBusy = "false";
    this.#progress.remove();
    this.#addActions();
    this.host.showBusy(false);
  }

  /** @param {string} type @param {object} params */
  #again(type, params) {
    return this.#sending || type === "threads.custom_action" ? this.#run(type, params) : this.retry();
  }

  /** The server waits for what the page's own tool answers. */
  async #callTool() {
    const { item } = [...this.#items.values()].at(-1) ?? {};
    const tool = this.host.options().onClientTool;
    if (item?.type !== "client_tool_call" || item.status !== "pending" || this.#turn || !tool) return;
    const result = await tool({ name: item.name, params: item.arguments });
    this.#items.set(item.id, { item: { ...item, status: "completed" }, element: null });
    await this.#run("threads.add_client_tool_output", { thread_id: this.thread?.id, result });
  }

  // --- events ---

  /** @param {any} event @param {() => void} again */
  #apply(event, again) {
    const near = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < NEAR;
    const { type } = event;
    if (type === "thread.created") this.#enter(event.thread);
    else if (type === "thread.updated") this.update(event.thread);
    else if (type === "thread.item.updated") this.#change(event.item_id, event.update);
    else if (type === "thread.item.removed") this.#remove(event.item_id);
    else if (type.startsWith("thread.item.")) this.#put(event.item);
    else if (type === "stream_options") this.host.showBusy(true, event.stream_options.allow_cancel);
    else if (type === "progress_update") this.#say(event.text);
    else if (type === "client_effect") this.host.emit("effect", { name: event.name, data: event.data });
    else if (type === "notice") this.#notice(event);
    else if (type === "error") this.#fail(event.message ?? WRONG, event.allow_retry ? again : undefined);
    if (near) this.#toEnd();
  }

  /** Add an item, or replace it. @param {Item} item */
  #put(item) {
    if (item.type === "user_message") {
      this.#sending?.remove();
      this.#sending = null;
    }
    const element = renderItem(item, this);
    const old = this.#items.get(item.id)?.element;
    this.#items.set(item.id, { item, element });
    if (old && element) old.replaceWith(element);
    else if (element) this.log.insertBefore(element, this.#progress.isConnected ? this.#progress : null);
    if (item.type !== "user_message" && element?.textContent) this.#progress.remove();
  }

  /** @param {string} id @param {any} update */
  #change(id, update) {
    const known = this.#items.get(id);
    if (known) this.#put(updated(known.item, update));
  }

  /** @param {string} id */
  #remove(id) {
    this.#items.get(id)?.element?.remove();
    this.#items.delete(id);
  }

  // --- what is said beside the items ---

  /** @param {string} text */
  #say(text) {
    const dots = make("span", { className: "dots", "aria-hidden": "true" });
    this.#progress.replaceChildren(dots, text);
    this.log.append(this.#progress);
    this.#toEnd();
  }

  /** @param {{level: string, title?: string, message: string}} notice */
  #notice({ level, title, message }) {
    this.log.append(make("div", { className: `notice ${level}` }, title && make("b", {}, title), markdown(message)));
  }

  /** @param {string} text @param {() => void} [again] */
  #fail(text, again) {
    const retry = again && make("button", { type: "button", className: "press", onclick: again }, icon("again"), "Try again");
    this.#progress.remove();
    this.log.append(make("div", { className: "error" }, make("p", {}, text), retry));
    this.#toEnd();
  }

  /** Below the last answer. */
  #addActions() {
    const { feedback, retry } = this.host.options().threadItemActions ?? {};
    const all = [...this.#items.values()].map(({ item }) => item);
    const answer = all.slice(all.map(({ type }) => type).lastIndexOf("user_message") + 1);
    if (!this.thread || !answer.length || !(feedback || retry) || !this.host.backend().remembers) return;
    const ids = answer.map(({ id }) => id);
    const rate = (/** @type {"good" | "bad"} */ look, /** @type {string} */ label, /** @type {string} */ kind) =>
      iconButton(look, label, () => this.#rate(ids, kind));
    const rates = feedback ? [rate("good", "Good answer", "positive"), rate("bad", "Bad answer", "negative")] : [];
    const again = retry && iconButton("again", "Answer again", () => this.retry());
    this.log.append(make("div", { className: "actions" }, ...rates, again));
  }

  /** @param {string[]} ids @param {string} kind */
  async #rate(ids, kind) {
    const params = { thread_id: this.thread?.id, item_ids: ids, kind };
    await this.host.backend().request("items.feedback", params);
    const [good, bad] = this.log.querySelectorAll(".actions button");
    good.ariaPressed = String(kind === "positive");
    bad.ariaPressed = String(kind === "negative");
  }

  #toEnd() {
    this.log.scrollTop = this.log.scrollHeight;
  }
}
