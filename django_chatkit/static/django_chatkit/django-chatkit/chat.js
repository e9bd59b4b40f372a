/**
 * One mounted component: how it gets its secrets, what it is told, and what it tells.
 *
 * @typedef {import("./config.js?v=0.1.0").ChatKitOptions} ChatKitOptions
 * @typedef {import("./config.js?v=0.1.0").ChatKitEvents} ChatKitEvents
 * @typedef {import("./config.js?v=0.1.0").ColorScheme} ColorScheme
 * @typedef {import("./config.js?v=0.1.0").OpenAIChatKit} OpenAIChatKit
 * @typedef {import("./config.js?v=0.1.0").Config} Config
 * @typedef {import("./config.js?v=0.1.0").Session} Session
 * @typedef {import("./links.js?v=0.1.0").Wish} Wish
 *
 * @typedef {object} Host The element around it.
 * @property {HTMLElement} element
 * @property {Config} config
 * @property {AbortSignal} signal The end of this chat.
 * @property {(error: unknown) => void} complain
 * @property {() => void} settle The chat works: nothing is left to say.
 * @property {() => void} restart
 * @property {() => void} ready
 */

import { ChatError, when } from "\x2e/errors.js?v=0.1.0"
import { lastThread } from "\x2e/memory.js?v=0.1.0"
import { colorScheme, optionsFor, withColorScheme } from "\x2e/options.js?v=0.1.0"
import { COMPONENT } from "\x2e/script.js?v=0.1.0"
import { fetchWithSecret } from "\x2e/self-hosted.js?v=0.1.0"
import { newestSession, requestSession } from "\x2e/session.js?v=0.1.0"

/** Every event of the component, so that those which do not bubble by themselves can be passed on. */
// prettier-ignore
const EVENTS = /** @satisfies {(keyof ChatKitEvents)[]} */ ([
  "chatkit.ready", "chatkit.error", "chatkit.log", "chatkit.effect", "chatkit.deeplink", "chatkit.tool.change",
  "chatkit.response.start", "chatkit.response.end", "chatkit.history.open", "chatkit.history.close",
  "chatkit.thread.change", "chatkit.thread.load.start", "chatkit.thread.load.end",
]);

export class Chat {
  component = /** @type {OpenAIChatKit} */ (document.createElement(COMPONENT));
  isReady = false;
  /** The thread that we opened, and not the visitor; and whether it is being loaded. */
  #opened = /** @type {string | null} */ (null);
  #loading = false;
  /** Whether the page's own code has left the colour scheme to us. */
  #isOurScheme = true;
  /** @type {ChatKitOptions} */
  #options;

  /**
   * @param {Host} host @param {Session} session
   * @param {string} [thread] the one to begin with, instead of the visitor's last
   */
  constructor(host, session, thread) {
    this.host = host;
    this.session = session;
    this.memory = lastThread(host.element, host.config, session);
    this.#options = this.#begin(thread ?? this.memory.value);
    this.#listen();
    host.element.dispatchEvent(new CustomEvent("django-chatkit.options", { detail: this.#options, bubbles: true }));
    const { theme } = this.#options;
    this.#isOurScheme = typeof theme === "object" && theme.colorScheme === this.scheme;
    this.component.setOptions(this.#options);
  }

  /** @param {string | null} thread @returns {ChatKitOptions} */
  #begin(thread) {
    const { config, element } = this.host;
    this.scheme = colorScheme(config, element);
    /** @type {ChatKitOptions} */
    const options = { ...optionsFor(config, this.session), api: this.session.chat ? this.#selfHosted() : this.#hosted() };
    options.theme = withColorScheme(options.theme, this.scheme);
    if (thread) options.initialThread = this.#opened = thread;
    return options;
  }

  /** As the visitor's device and the page are now. A scheme that the page's own code has set stays. */
  refreshColorScheme() {
    const before = this.scheme;
    this.scheme = colorScheme(this.host.config, this.host.element);
    const { theme } = this.#options;
    if (before === this.scheme || !this.#isOurScheme) return;
    this.#options = { ...this.#options, theme: withColorScheme(theme, this.scheme) };
    this.component.setOptions(this.#options);
  }

  /** @param {Wish & {focus?: boolean}} wish */
  async fulfil({ prompt, thread, focus }) {
    if (thread) await this.component.setThreadId((this.#opened = thread));
    if (prompt) await this.component.setComposerValue({ text: prompt });
    if (focus) await this.component.focusComposer();
  }

  // --- what it tells ---

  #listen() {
    const { component } = this;
    for (const name of EVENTS) component.addEventListener(name, (event) => this.#pass(event));
    component.addEventListener("chatkit.ready", () => this.#ready());
    component.addEventListener("chatkit.thread.change", ({ detail }) => (this.memory.value = detail.threadId));
    component.addEventListener("chatkit.thread.load.start", ({ detail }) => {
      this.#loading = detail.threadId === this.#opened;
    });
    component.addEventListener("chatkit.thread.load.end", () => (this.#loading = false));
    component.addEventListener("chatkit.error", () => this.#loading && navigator.onLine && this.#giveUpThread());
  }

  /** @param {CustomEvent} event */
  #pass({ type, detail, bubbles }) {
    if (!bubbles) this.host.element.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }

  #ready() {
    this.isReady = true;
    this.host.settle();
    this.host.ready();
  }

  /** It is gone, or somebody else's: a new one is better than an error at every visit. */
  #giveUpThread() {
    this.#loading = false;
    this.#opened = this.memory.value = null;
    this.component.setThreadId(null);
  }

  // --- how it gets its secrets ---

  /** @returns {ChatKitOptions["api"]} */
  #hosted() {
    /** @type {Session | null} */
    let first = this.session;
    return {
      getClientSecret: async (current) => {
        const { client_secret } = first ?? (await this.#renew(current ? true : undefined));
        first = null;
        this.#works();
        return client_secret;
      },
    };
  }

  /** @returns {ChatKitOptions["api"]} */
  #selfHosted() {
    const { config, element } = this.host;
    const { domain_key: domainKey, texts } = config;
    const chat = /** @type {string} */ (this.session.chat);
    if (!domainKey) throw new ChatError("misconfigured", "A self-hosted workflow needs DJANGO_CHATKIT['DOMAIN_KEY'].");
    const wait = (/** @type {number} */ seconds) => texts.wait.replace("{when}", when(seconds, element));
    const send = fetchWithSecret(chat, (refused) => this.#secret(refused), wait);
    return {
      url: chat,
      domainKey,
      fetch: async (input, init) => {
        const response = await send(input, init);
        if (response.ok) this.#works();
        return response;
      },
      uploadStrategy: { type: "two_phase" },
    };
  }

  /** @param {string} [refused] Somebody else on this page may have got another one since. */
  async #secret(refused) {
    const known = newestSession(this.host.config);
    const usable = known && this.#isLike(known) && known.client_secret !== refused;
    return (usable ? known : await this.#renew(true)).client_secret;
  }

  /** @param {boolean} [refresh] @returns {Promise<Session>} */
  async #renew(refresh) {
    const { config, signal, complain, restart } = this.host;
    try {
      const session = await requestSession(config, refresh);
      if (this.#isLike(session)) return session;
    } catch (error) {
      if (!signal.aborted) complain(error);
      throw error;
    }
    if (!signal.aborted) restart();
    throw new ChatError("unavailable", "This chat is over: the workflow is run elsewhere now, or for somebody else.");
  }

  /** Whether this chat can go on with it. Nobody is shown what another one has said. @param {Session} session */
  #isLike({ chat, user }) {
    return chat === this.session.chat && user === this.session.user;
  }

  #works() {
    if (this.isReady && !this.host.signal.aborted) this.host.settle();
  }
}
