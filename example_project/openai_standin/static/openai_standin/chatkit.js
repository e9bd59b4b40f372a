/**
 * A stand-in for OpenAI's chatkit.js: defines <openai-chatkit> with the documented interface, and answers by itself.
 *
 * It asks the page for client secrets as the real component does, and refuses the options that the real one refuses,
 * but it never sends anything anywhere. `data-secrets` counts the secrets it was given, and `data-fingerprint` tells
 * them apart without showing them.
 *
 * @typedef {import("@openai/chatkit").ChatKitOptions} ChatKitOptions
 */

const OPTIONS = new Set(
  (
    "api locale theme frameTitle initialThread onClientTool header history startScreen threadItemActions composer " +
    "disclaimer entities commands widgets thread"
  ).split(" "),
);
/** OpenAI's sessions last 600 seconds at most. A new secret is asked for a little earlier. */
const SECRET_LASTS = 570_000;
const WORD_EVERY = 35;

class IntegrationError extends Error {
  name = "IntegrationError";
}

/** What the real component throws for. @param {ChatKitOptions} options */
function check(options) {
  const { api } = options ?? {};
  if (!api) throw new IntegrationError("Invalid input at api: it is required.");
  const hosted = "getClientSecret" in api;
  if (hosted === "url" in api) throw new IntegrationError("Invalid input at api: either getClientSecret or url.");
  if (hosted && typeof api.getClientSecret !== "function") throw new IntegrationError("Invalid input at api.");
  if (hosted && "domainKey" in api) throw new IntegrationError("Invalid input at api: domainKey has no place here.");
  if (!hosted && !api.domainKey) throw new IntegrationError("Invalid input at api: domainKey is required.");
  const unknown = Object.keys(options).filter((name) => !OPTIONS.has(name));
  if (unknown.length) throw new IntegrationError(`Unrecognized option: ${unknown.join(", ")}`);
  const scheme = typeof options.theme === "string" ? options.theme : options.theme?.colorScheme;
  if (scheme && scheme !== "light" && scheme !== "dark") throw new IntegrationError("Invalid input at theme.");
}

/** FNV-1a: enough to tell two secrets apart, too little to find one. @param {string} text */
function fingerprint(text) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, "0");
}

/** @param {string} text */
const answerTo = (text) =>
  `Thank you! You wrote “${text}”. I am a stand-in for OpenAI’s component: what you write stays in this page, ` +
  "and no model reads it. The session behind this chat is real to this site, though: it was asked for, recorded " +
  "and answered over HTTP.";

/** @param {number} milliseconds */
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * @param {string} tag @param {Record<string, unknown>} [properties] @param {(Node | string)[]} children
 * @returns {any}
 */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("aria-")) element.setAttribute(name, String(value));
    else Object.assign(element, { [name]: value });
  }
  element.append(...children);
  return element;
}

const sheet = new CSSStyleSheet();
sheet.replaceSync(`
  :host { display: block; position: relative; height: 100%; width: 100%; color-scheme: light; --accent: #0d0d0d;
    --on: #fff; --back: #fff; --soft: #f3f3f3; --line: #e6e6e6; --text: #0d0d0d; --mute: #6b6b6b; --badge: #fff4d6;
    --badge-text: #7a4b00; }
  :host([data-color-scheme="dark"]) { color-scheme: dark; --accent: #f5f5f5; --on: #111; --back: #181818;
    --soft: #262626; --line: #333; --text: #f2f2f2; --mute: #a3a3a3; --badge: #3a2e10; --badge-text: #ffd98a; }
  * { box-sizing: border-box; margin: 0; font: inherit; }
  [hidden] { display: none !important; }
  main { position: absolute; inset: 0; display: flex; flex-direction: column; overflow: hidden; background: var(--back);
    color: var(--text); font: 0.95rem/1.5 system-ui, sans-serif; }
  header { display: flex; flex-wrap: wrap; align-items: center; justify-content: flex-end;
    gap: 0.4rem 0.6rem; min-height: 3.1rem; padding: 0.5rem 0.75rem 0.5rem 1rem; border-bottom: 1px solid var(--line); }
  header b { flex: 1 1 6rem; font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  header b:empty { display: none; }
  .badge { padding: 0.1rem 0.6rem; border-radius: 99px; background: var(--badge); color: var(--badge-text);
    font-size: 0.78rem; font-weight: 600; white-space: nowrap; }
  button { border: 0; border-radius: 99px; background: transparent; color: inherit; cursor: pointer; }
  button:focus-visible, textarea:focus-visible { outline: 2px solid Highlight; outline-offset: 2px; }
  header button { padding: 0.25rem 0.7rem; border: 1px solid var(--line); font-size: 0.85rem; white-space: nowrap; }
  header button:hover, .prompts button:hover { background: var(--soft); }
  [role="log"] { flex: 1; display: flex; flex-direction: column; gap: 1rem; overflow-y: auto; padding: 1.25rem 1rem; }
  .start { margin: auto 0; display: grid; gap: 1.1rem; justify-items: center; text-align: center; }
  h2 { font-size: 1.45rem; font-weight: 600; line-height: 1.25; text-wrap: balance; }
  .prompts { display: flex; flex-wrap: wrap; gap: 0.5rem; justify-content: center; }
  .prompts button { padding: 0.45rem 0.95rem; border: 1px solid var(--line); }
  .user { align-self: flex-end; max-width: 85%; padding: 0.5rem 1rem; border-radius: 1.15rem; background: var(--soft); }
  .user, .assistant { white-space: pre-wrap; overflow-wrap: anywhere; }
  form { display: flex; align-items: flex-end; gap: 0.4rem; margin: 0 0.75rem 0.75rem; padding: 0.35rem;
    border: 1px solid var(--line); border-radius: 1.5rem; background: var(--back);
    box-shadow: 0 1px 6px rgb(0 0 0 / 7%); }
  form:focus-within { border-color: var(--mute); }
  textarea { flex: 1; min-width: 0; resize: none; border: 0; padding: 0.45rem 0.6rem; background: transparent;
    color: inherit; field-sizing: content; max-height: 8rem; }
  textarea:focus-visible { outline: none; }
  textarea::placeholder { color: var(--mute); opacity: 1; }
  form button { flex: none; width: 2.4rem; height: 2.4rem; font-size: 1.1rem; line-height: 1; }
  form button[type="submit"] { background: var(--accent); color: var(--on); }
  form button:disabled { opacity: 0.3; cursor: default; }
  footer { margin: -0.25rem 1rem 0.75rem; color: var(--mute); font-size: 0.78rem; text-align: center; }
`);

class OpenAIChatKitStandIn extends HTMLElement {
  #root = this.attachShadow({ mode: "open" });
  /** @type {ChatKitOptions | null} */
  #options = null;
  /** @type {string | null} */
  #secret = null;
  #timer = 0;
  #busy = false;
  /** Like the real one, which lives in a frame: once it has been taken out of the page it does not come back. */
  #gone = false;
  /** @type {string | null} */
  #thread = null;
  #log = make("div", { role: "log", "aria-live": "polite" });
  #input = make("textarea", { rows: 1 });
  #send = make("button", { type: "submit", textContent: "↑", "aria-label": "Send" });
  #attach = make("button", { type: "button", textContent: "+", "aria-label": "Attach a file", hidden: true });
  #title = make("b");
  #foot = make("footer");
  #header = make(
    "header",
    {},
    this.#title,
    make("span", { className: "badge", textContent: "Stand-in, not OpenAI" }),
    make("button", {
      type: "button",
      textContent: "✎",
      title: "New chat",
      "aria-label": "New chat",
      onclick: () => this.setThreadId(null),
    }),
  );

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [sheet];
    const form = make("form", {}, this.#attach, this.#input, this.#send);
    form.addEventListener("submit", (/** @type {Event} */ event) => this.#submit(event));
    this.#input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter" && !event.shiftKey) this.#submit(event);
    });
    this.#attach.addEventListener("click", () => this.#say("assistant", "The stand-in takes no files."));
    this.#root.append(make("main", {}, this.#header, this.#log, form, this.#foot));
    /** @type {any} */ (this.#root.firstChild).hidden = true;
  }

  connectedCallback() {
    if (this.#options && !this.#gone) this.#begin();
  }

  disconnectedCallback() {
    this.#gone = true;
    clearTimeout(this.#timer);
    this.#root.replaceChildren();
  }

  /** Replaces every option. @param {ChatKitOptions} options */
  setOptions(options) {
    try {
      check(options);
    } catch (error) {
      this.#emit("error", { error });
      throw error;
    }
    const first = !this.#options;
    this.#options = options;
    this.#show(options);
    if (first && this.isConnected && !this.#gone) this.#begin();
  }

  async focusComposer() {
    this.#input.focus();
  }

  /** @param {string | null} threadId */
  async setThreadId(threadId) {
    this.#thread = threadId;
    this.#log.replaceChildren();
    this.#title.textContent = this.#options?.header?.title?.text ?? "";
    if (!threadId) this.#welcome();
    this.#emit("thread.change", { threadId });
  }

  /** @param {{text?: string, newThread?: boolean}} message */
  async sendUserMessage({ text = "", newThread = false }) {
    if (newThread) await this.setThreadId(null);
    await this.#answer(text);
  }

  /** @param {{text?: string}} value */
  async setComposerValue({ text = "" }) {
    this.#input.value = text;
  }

  async sendCustomAction() {}

  async showHistory() {
    this.#emit("history.open");
  }

  async hideHistory() {
    this.#emit("history.close");
  }

  async fetchUpdates() {}

  /** @param {string} name @param {unknown} [detail] */
  #emit(name, detail) {
    // In the real component only this one bubbles.
    const bubbles = name === "ready";
    this.dispatchEvent(new CustomEvent(`chatkit.${name}`, { detail, bubbles, composed: bubbles }));
  }

  #begin() {
    this.#welcome();
    // Later, as a frame would be: whoever mounts it is still busy.
    setTimeout(async () => {
      if (this.#gone) return;
      /** @type {any} */ (this.#root.firstChild).hidden = false;
      this.#emit("ready");
      await this.#renew();
    });
  }

  /** Ask the page for a secret: with `null` at first, then with the one that is about to expire. */
  async #renew() {
    const api = this.#options?.api;
    if (!api || !("getClientSecret" in api)) return;
    clearTimeout(this.#timer);
    try {
      const secret = await api.getClientSecret(this.#secret);
      if (!secret || secret === this.#secret) throw new IntegrationError("getClientSecret must return a new secret.");
      this.#secret = secret;
      this.dataset.fingerprint = fingerprint(secret);
      this.dataset.secrets = String(Number(this.dataset.secrets ?? 0) + 1);
      if (!this.#gone) this.#timer = window.setTimeout(() => this.#renew(), SECRET_LASTS);
    } catch (error) {
      this.#emit("error", { error });
    }
    this.#send.disabled = !this.#secret;
  }

  /** @param {ChatKitOptions} options */
  #show({ theme, header, composer, disclaimer, frameTitle }) {
    const scheme = typeof theme === "string" ? theme : theme?.colorScheme;
    const accent = typeof theme === "string" ? undefined : theme?.color?.accent?.primary;
    this.dataset.colorScheme = scheme ?? "light";
    this.style.setProperty("--accent", accent ?? null);
    this.#header.hidden = header?.enabled === false;
    this.#title.textContent = header?.title?.text ?? "";
    this.#input.placeholder = composer?.placeholder ?? "Message the AI";
    this.#input.ariaLabel = this.#input.placeholder;
    this.#attach.hidden = !composer?.attachments?.enabled;
    this.#attach.title = `Up to ${composer?.attachments?.maxSize ?? "100 MB"}`;
    this.#foot.textContent = disclaimer?.text ?? "";
    this.#foot.hidden = !disclaimer;
    this.#log.ariaLabel = frameTitle ?? "Chat";
    this.#send.disabled = !this.#secret;
  }

  #welcome() {
    const { greeting = "What can I help with today?", prompts = [] } = this.#options?.startScreen ?? {};
    const buttons = prompts.map(({ label, prompt }) => {
      const text = typeof prompt === "string" ? prompt : label;
      return make("button", { type: "button", textContent: label, onclick: () => this.#answer(text) });
    });
    const heading = make("h2", { textContent: greeting });
    const list = make("div", { className: "prompts" }, ...buttons);
    this.#log.replaceChildren(make("div", { className: "start" }, heading, list));
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    const text = this.#input.value.trim();
    if (!text || this.#busy || !this.#secret) return;
    this.#input.value = "";
    this.#answer(text);
  }

  /** @param {string} who @param {string} text */
  #say(who, text) {
    const item = make("div", { className: who, textContent: text });
    this.#log.querySelector(".start")?.remove();
    this.#log.append(item);
    this.#log.scrollTop = this.#log.scrollHeight;
    return item;
  }

  /** @param {string} text */
  async #answer(text) {
    if (this.#busy || !this.#secret) return;
    this.#busy = true;
    this.#say("user", text);
    this.#title.textContent ||= text;
    if (!this.#thread) this.#emit("thread.change", { threadId: (this.#thread = "cthr_standin") });
    this.#emit("response.start");
    const item = this.#say("assistant", "");
    for (const word of answerTo(text).split(" ")) {
      await pause(WORD_EVERY);
      item.textContent += `${item.textContent ? " " : ""}${word}`;
      this.#log.scrollTop = this.#log.scrollHeight;
    }
    this.#emit("response.end");
    this.#busy = false;
  }
}

customElements.define("openai-chatkit", OpenAIChatKitStandIn);
