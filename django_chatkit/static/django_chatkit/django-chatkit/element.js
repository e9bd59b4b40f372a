/**
 * <django-chatkit>: where the chat is, when it starts, and what is said while there is none.
 *
 * @typedef {import("./config.js?v=0.1.0").OpenAIChatKit} OpenAIChatKit
 * @typedef {import("./config.js?v=0.1.0").Config} Config
 * @typedef {import("./config.js?v=0.1.0").Session} Session
 * @typedef {import("./links.js?v=0.1.0").Wish} Wish
 */

import { Chat } from "\x2e/chat.js?v=0.1.0"
import { configOf } from "\x2e/config.js?v=0.1.0"
import { asChatError, ChatError, when } from "\x2e/errors.js?v=0.1.0"
import { takeLink } from "\x2e/links.js?v=0.1.0"
import { Note } from "\x2e/note.js?v=0.1.0"
import { colorScheme, DARK } from "\x2e/options.js?v=0.1.0"
import { arrange, Panel } from "\x2e/panel.js?v=0.1.0"
import { COMPONENT, forgetScript, loadScript } from "\x2e/script.js?v=0.1.0"
import { newestSession, requestSession } from "\x2e/session.js?v=0.1.0"

/** Milliseconds after which loading is called slow, and after which nobody waits any longer. */
const SLOW = 5_000;
const PATIENCE = 20_000;
/** How long it is said that the visitor is online again. */
const MOMENT = 4_000;
/** What may work by itself when the visitor is online again. */
const CONNECTION = new Set(["network", "script", "blank", "offline"]);
const LOGIN = new Set(["login", "logged_out"]);

/** Elements that show an error. One click on "try again" is for all of them. @type {Set<DjangoChatKit>} */
const failed = new Set();

export class DjangoChatKit extends HTMLElement {
  /** OpenAI's component. @type {OpenAIChatKit | null} */
  chatkit = null;
  #config = /** @type {Config} */ ({});
  #note = new Note();
  /** @type {Panel | null} */
  #panel = null;
  /** @type {Chat | null} */
  #chat = null;
  /** What the visitor wants to see when there is a chat. @type {Wish & {focus?: boolean}} */
  #wish = {};
  /** Why there is no chat. @type {string | null} */
  #reason = null;
  /** Aborted when the element is removed. */
  #stay = new AbortController();
  /** Aborted when what it began is over: the element was removed, or starts again. */
  #run = new AbortController();
  #timers = { slow: 0, late: 0, moment: 0 };
  /** Tools that morph one page into the next remove children that the server did not send: ours. */
  #observer = new MutationObserver(() => this.#isWhole || this.#settleIn());

  connectedCallback() {
    if (this.hasAttribute("config")) this.#settleIn();
  }

  disconnectedCallback() {
    this.#observer.disconnect();
    this.#stay.abort();
    this.#stop();
    arrange();
  }

  // --- for the page's own code ---

  /**
   * Brings the chat to the visitor: opens its panel, or scrolls to it. It may be opened with a thread, or with a prompt
   * in the composer, which the visitor may then send.
   *
   * @param {Wish} [wish]
   */
  open({ prompt, thread } = {}) {
    this.#wish = { prompt, thread, focus: true };
    if (this.#panel) this.#panel.open();
    else this.scrollIntoView({ block: "nearest" });
    if (this.#chat?.isReady && !this.#panel) this.#fulfil();
  }

  /** Closes the panel, if there is one. The conversation goes on. */
  close() {
    this.#panel?.close();
  }

  // --- its place ---

  #settleIn() {
    this.#stay.abort();
    this.#observer.disconnect();
    const { signal } = (this.#stay = new AbortController());
    this.#config = configOf(this);
    this.setAttribute("layout", this.#config.layout);
    if (this.#config.height) this.style.setProperty("--django-chatkit-height", this.#config.height);
    this.#stop();
    this.#panel = this.#config.layout === "floating" ? this.#makePanel(signal) : null;
    this.#listen(signal);
    if (!this.#panel) this.#start();
    else if (this.#panel.memory.value) this.#panel.open(false);
    for (const place of new Set([this, this.#place])) this.#observer.observe(place, { childList: true });
    this.#follow();
  }

  /** Where the chat is, and what is said instead. @returns {HTMLElement} */
  get #place() {
    return this.#panel?.body ?? this;
  }

  get #isWhole() {
    const { launcher, dialog } = this.#panel ?? {};
    const own = [launcher, dialog].every((child) => !child || child.parentNode === this);
    const begun = this.chatkit || this.#note.state;
    const inside = [this.#note.element, this.chatkit].every((child) => !child || child.parentNode === this.#place);
    return own && (!begun || inside);
  }

  /** @param {AbortSignal} signal */
  #makePanel(signal) {
    const panel = new Panel(this, this.#config, signal, (focus) => this.#opened(focus));
    colorScheme(this.#config, this);
    arrange();
    return panel;
  }

  /** @param {boolean} focus */
  #opened(focus) {
    this.#wish.focus = focus;
    if (this.#chat?.isReady) this.#fulfil();
    else if (!this.#note.element.isConnected) this.#start();
  }

  #fulfil() {
    const { focus, ...wish } = this.#wish;
    this.#wish = {};
    this.#chat?.fulfil({ ...wish, focus: focus && (this.#panel?.wantsComposer ?? true) });
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    addEventListener("offline", () => this.#offline(), { signal });
    addEventListener("online", () => this.#online(), { signal });
    addEventListener("hashchange", () => this.#follow(), { signal });
    const repaint = () => (this.#chat ? this.#chat.refreshColorScheme() : colorScheme(this.#config, this));
    matchMedia(DARK).addEventListener("change", repaint, { signal });
    const page = new MutationObserver(repaint);
    page.observe(document.documentElement, { attributes: true });
    signal.addEventListener("abort", () => page.disconnect());
  }

  #follow() {
    const wish = takeLink(this);
    if (wish) this.open(wish);
  }

  // --- its beginning and end ---

  /** OpenAI's component cannot be connected twice, so every start makes a new one. */
  async #start() {
    const focused = this.#place.contains(document.activeElement);
    this.#stop();
    const { signal } = (this.#run = new AbortController());
    colorScheme(this.#config, this);
    this.#note.say("loading", this.#config.texts.loading);
    this.#place.append(this.#note.element);
    if (focused) this.#keepFocus();
    if (document.documentElement.hasAttribute("data-turbo-preview")) return; // the page itself is on its way
    this.#timers.slow = window.setTimeout(() => this.#slow(), SLOW);
    this.#expect();
    try {
      const script = loadScript(this.#config.script).then(() => signal.aborted || clearTimeout(this.#timers.late));
      const [session] = await Promise.all([requestSession(this.#config), script]);
      if (!signal.aborted) this.#mount(session, signal);
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
  }

  /** @param {unknown} error */
  #fail(error) {
    const focused = this.#place.contains(document.activeElement);
    this.#stop();
    this.#complain(error);
    if (focused) this.#keepFocus();
  }

  /** What had the focus is gone, and with it would be the keyboard's place on the page. */
  #keepFocus() {
    this.#place.tabIndex = -1;
    this.#place.focus({ preventScroll: true });
  }

  /** The script, and then the component that it defines, must not take forever. */
  #expect() {
    clearTimeout(this.#timers.late);
    this.#timers.late = window.setTimeout(() => {
      this.#complain(new ChatError(customElements.get(COMPONENT) ? "blank" : "script", "timeout"));
    }, PATIENCE);
  }

  #slow() {
    if (this.#note.state === "loading") this.#note.say("loading", this.#config.texts.slow);
  }

  #stop() {
    this.#run.abort();
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    failed.delete(this);
    this.#note.hide();
    this.#chat = this.chatkit = this.#reason = null;
    this.#place.replaceChildren();
  }

  /** @param {Session} session @param {AbortSignal} signal */
  #mount(session, signal) {
    const { thread, ...wish } = this.#wish;
    const host = {
      element: this,
      config: this.#config,
      signal,
      complain: (/** @type {unknown} */ error) => this.#complain(error),
      settle: () => this.#settle(),
      restart: () => this.#start(),
      ready: () => this.#fulfil(),
    };
    const chat = new Chat(host, session, thread);
    this.#wish = wish;
    this.#chat = chat;
    this.chatkit = chat.component;
    this.#expect();
    this.#place.prepend(chat.component);
  }

  // --- what is said ---

  #settle() {
    for (const timer of [this.#timers.slow, this.#timers.late]) clearTimeout(timer);
    failed.delete(this);
    this.#reason = null;
    if (this.#note.state !== "offline" || navigator.onLine) this.#note.hide();
  }

  /** @param {unknown} error */
  #complain(error) {
    console.error(error);
    for (const timer of [this.#timers.slow, this.#timers.late]) clearTimeout(timer);
    failed.add(this);
    const { texts } = this.#config;
    const { reason, seconds } = asChatError(error);
    this.#reason = this.#inContext(reason);
    const text = (/** @type {number} */ left) => texts[reason].replace("{when}", when(left, this));
    this.#place.append(this.#note.element);
    this.#note.say("error", seconds ? text(seconds) : texts[this.#reason], ...this.#waysOut(this.#reason));
    if (seconds) this.#note.countDown(seconds, text, texts.again_now);
  }

  /** Why it really is, as far as the browser knows. @param {string} reason */
  #inContext(reason) {
    if (!navigator.onLine && CONNECTION.has(reason)) return "offline";
    return reason === "login" && newestSession(this.#config) ? "logged_out" : reason;
  }

  /** @param {string} reason */
  #waysOut(reason) {
    const { texts, login_url } = this.#config;
    const again = Object.assign(document.createElement("button"), { type: "button", textContent: texts.again });
    again.addEventListener("click", () => this.#retry());
    /** @type {HTMLElement[]} */
    const ways = [again];
    if (LOGIN.has(reason) && login_url) ways.unshift(loginLink(login_url, texts.log_in));
    const hint = texts[`${reason}_debug`];
    if (hint) ways.push(Object.assign(document.createElement("p"), { className: "debug", textContent: hint }));
    return ways;
  }

  #retry() {
    forgetScript();
    for (const element of [...failed]) element.#start();
  }

  #offline() {
    if (!this.#place.contains(this.#note.element) || failed.has(this)) return;
    this.#note.say("offline", this.#config.texts.offline);
  }

  #online() {
    if (failed.has(this) && CONNECTION.has(this.#reason ?? "")) return this.#retry();
    if (this.#note.state !== "offline") return;
    this.#note.say(this.#chat?.isReady ? "online" : "loading", this.#config.texts.online);
    clearTimeout(this.#timers.moment);
    this.#timers.moment = window.setTimeout(() => this.#note.state === "online" && this.#note.hide(), MOMENT);
  }
}

/** Logs in, and comes back to this page. @param {string} url @param {string} text */
function loginLink(url, text) {
  const address = new URL(url, document.baseURI);
  const { pathname, search, href, origin } = location;
  address.searchParams.set("next", address.origin === origin ? pathname + search : href);
  return Object.assign(document.createElement("a"), { href: address.href, textContent: text });
}
