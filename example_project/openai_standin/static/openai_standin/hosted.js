/**
 * The part of OpenAI's servers: asks the page for client secrets as the real component does, and makes up an answer
 * inside the page. Nothing is sent anywhere: threads stay in this browser.
 *
 * @typedef {import("@openai/chatkit").HostedApiConfig} HostedApiConfig
 * @typedef {import("./items.js").Item} Item
 * @typedef {import("./threads.js").Thread} Thread
 */

import { textOf } from "./items.js";
import { IntegrationError } from "./shapes.js";
import { Threads } from "./threads.js";

/** OpenAI's sessions last 600 seconds at most. A new secret is asked for a little earlier. */
const SECRET_LASTS = 570_000;
const WORD_EVERY = 35;
/** Where in a secret of the stand-in's it says whose it is. */
const OWNER = [3, 19];

/** @param {string} text */
const answerTo = (text) =>
  `Thank you! You wrote “${text}”. I am a stand-in for OpenAI’s component: what you write stays in this page, ` +
  "and no model reads it. The session behind this chat is real to this site, though: it was asked for, recorded " +
  "and answered over HTTP.";

/** @param {number} milliseconds */
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** FNV-1a: enough to tell two secrets apart, too little to find one. @param {string} text */
function fingerprint(text) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, "0");
}

export class Hosted {
  kind = "hosted";
  remembers = false;
  /** @type {string | null} */
  #secret = null;
  #timer = 0;
  #ended = false;
  #threads = new Threads();

  /** @param {HostedApiConfig} api @param {HTMLElement} host @param {(error: unknown) => void} complain */
  constructor(api, host, complain) {
    this.api = api;
    this.host = host;
    this.complain = complain;
  }

  /** Ask the page for a secret: with `null` at first, then with the one that is about to expire. */
  async begin() {
    clearTimeout(this.#timer);
    try {
      const secret = await this.api.getClientSecret(this.#secret);
      if (!secret || secret === this.#secret) throw new IntegrationError("getClientSecret must return a new secret.");
      this.#secret = secret;
      this.#threads.owner = secret.slice(...OWNER);
      this.host.dataset.fingerprint = fingerprint(secret);
      this.host.dataset.secrets = String(Number(this.host.dataset.secrets ?? 0) + 1);
      if (!this.#ended) this.#timer = window.setTimeout(() => this.begin(), SECRET_LASTS);
    } catch (error) {
      this.complain(error);
    }
    return Boolean(this.#secret);
  }

  end() {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  /** @param {string} type @param {any} params @returns {Promise<any>} */
  async request(type, { thread_id: id }) {
    const thread = type === "threads.get_by_id" && this.#threads.find(id);
    if (thread) return { ...thread, items: { data: thread.items, has_more: false } };
    if (type === "threads.get_by_id") throw new Error("No such thread.");
    throw new IntegrationError(`The stand-in has no ${type} for hosted workflows.`);
  }

  /** @returns {Promise<any>} */
  async upload() {
    throw new IntegrationError("The stand-in takes no files.");
  }

  /** @param {string} type @param {any} params @param {AbortSignal} signal */
  async *stream(type, { input, thread_id: known, item_id: last }, signal) {
    const thread = this.#threads.find(known) ?? this.#threads.create(textOf(input.content));
    if (type === "threads.create") yield { type: "thread.created", thread };
    if (last) this.#threads.cut(thread.id, last);
    const question = input ? this.#item(thread, "user_message", input) : thread.items.find(({ id }) => id === last);
    if (input) yield { type: "thread.item.done", item: question };
    yield { type: "stream_options", stream_options: { allow_cancel: true } };
    yield* this.#answer(thread, textOf(question?.content ?? []), signal);
  }

  /** Word by word. @param {Thread} thread @param {string} question @param {AbortSignal} signal */
  async *#answer(thread, question, signal) {
    const item = this.#item(thread, "assistant_message", { content: [output("")] });
    yield { type: "thread.item.added", item };
    let said = "";
    for (const word of answerTo(question).split(/(?<= )/)) {
      await pause(WORD_EVERY);
      if (signal.aborted) return;
      const update = { type: "assistant_message.content_part.text_delta", content_index: 0, delta: word };
      yield { type: "thread.item.updated", item_id: item.id, update };
      this.#threads.put(thread.id, { ...item, content: [output((said += word))] });
    }
  }

  /** @param {{id: string}} thread @param {string} type @param {object} fields @returns {Item} */
  #item({ id: thread_id }, type, fields) {
    const item = { ...fields, type, id: `standin_${crypto.randomUUID()}`, thread_id };
    this.#threads.put(thread_id, item);
    return item;
  }
}

/** @param {string} text */
const output = (text) => ({ type: "output_text", text, annotations: [] });
