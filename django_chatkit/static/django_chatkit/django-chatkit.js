/**
 * <django-chatkit>: mounts OpenAI's <openai-chatkit>, gets its client secrets from this site, or says why it cannot.
 *
 * For the page's own code: `element.chatkit` is OpenAI's component, or null while there is none. Its events bubble from
 * the element. `django-chatkit.options` is dispatched just before the options are set: what it adds to `event.detail`
 * (`onClientTool`, `entities`, anything that is a function) is set with them.
 *
 * @typedef {import("@openai/chatkit").ChatKitOptions} ChatKitOptions
 * @typedef {import("@openai/chatkit").ChatKitEvents} ChatKitEvents
 * @typedef {import("@openai/chatkit").OpenAIChatKit} OpenAIChatKit
 *
 * @typedef {object} Config What the template tag writes into the attribute `config`.
 * @property {string} url Where a POST answers with a session.
 * @property {string} script OpenAI's script.
 * @property {string} [workflow] A slug; the server knows which one is meant without it.
 * @property {Record<string, unknown>} [state_variables]
 * @property {string} [height] A CSS length.
 * @property {{header: string, cookie: string | null, token: string | null}} csrf
 * @property {Omit<ChatKitOptions, "api">} options
 * @property {Record<string, string>} texts
 *
 * @typedef {{enabled: boolean, max_file_size?: number | null, max_files?: number | null}} FileUpload Size in megabytes.
 *
 * @typedef {object} Session The part that is used here of the answer to the POST.
 * @property {string} client_secret
 * @property {{file_upload?: FileUpload}} [chatkit_configuration]
 */

const COMPONENT = "openai-chatkit";
/** Milliseconds: with the default DEADLINE the server gives up on OpenAI sooner; nobody waits longer for a script. */
const PATIENCE = 20_000;
const BYTES_PER_MEGABYTE = 1024 * 1024;
/** Every event of the component, so that those which do not bubble by themselves can be passed on. */
// prettier-ignore
const EVENTS = /** @satisfies {(keyof ChatKitEvents)[]} */ ([
  "chatkit.ready", "chatkit.error", "chatkit.log", "chatkit.effect", "chatkit.deeplink", "chatkit.tool.change",
  "chatkit.response.start", "chatkit.response.end", "chatkit.history.open", "chatkit.history.close",
  "chatkit.thread.change", "chatkit.thread.load.start", "chatkit.thread.load.end",
]);

/** A failure that the visitor is told about: `reason` is a key of `Config.texts`. */
class ChatError extends Error {
  /** @param {string} reason @param {unknown} [cause] for the console @param {number} [seconds] to wait first */
  constructor(reason, cause, seconds) {
    super(`django-chatkit: ${reason}`, { cause });
    this.reason = reason;
    this.seconds = seconds;
  }
}

// --- OpenAI's script, once per page ---

const nonce = [...document.scripts].find((script) => script.src === import.meta.url)?.nonce;
/** @type {HTMLScriptElement | null} */
let script = null;
/** @type {Promise<unknown> | null} */
let defined = null;
let attempts = 0;

/** @param {string} url @returns {Promise<unknown>} resolved when the component is defined */
function loadScript(url) {
  defined ??= new Promise((resolve, reject) => {
    customElements.whenDefined(COMPONENT).then(resolve);
    if (customElements.get(COMPONENT)) return;
    const address = new URL(url, document.baseURI);
    // A browser would make a second request for the same address wait for the first one, which may hang.
    if (attempts++) address.searchParams.set("attempt", String(attempts));
    const { href } = address;
    script = [...document.scripts].find((other) => other.src === href) ?? document.createElement("script");
    script.addEventListener("error", () => {
      forgetScript();
      reject(new ChatError("script", href));
    });
    if (script.isConnected) return;
    Object.assign(script, { src: href, async: true, nonce });
    document.head.append(script);
  });
  return defined;
}

/** The next `loadScript` starts anew, unless the component is there. */
function forgetScript() {
  if (customElements.get(COMPONENT)) return;
  script?.remove();
  script = defined = null;
}

// --- client secrets ---

/** Requests that have not been answered yet, by what they ask for. @type {Map<string, Promise<Session>>} */
const pending = new Map();
/** The page's first request. Others wait for it: it may be what gives a visitor an identity. @type {Promise<void> | null} */
let first = null;
/** The CSRF token that the server sent last, because the page's own had become invalid. @type {string | null} */
let freshToken = null;

/**
 * @param {Config} config @param {boolean} [refresh] a new session, even if one is still good
 * @returns {Promise<Session>}
 */
function requestSession(config, refresh) {
  const { url, workflow, state_variables } = config;
  const body = JSON.stringify({ workflow, state_variables, refresh });
  const key = `${url} ${body}`;
  const request = pending.get(key) ?? Promise.resolve(first).then(() => postSession(config, body));
  first ??= request.then(() => {}, () => {});
  pending.set(key, request);
  return request.finally(() => pending.delete(key));
}

/**
 * @param {Config} config @param {string} body @param {string} [fresh] the token of the one retry
 * @returns {Promise<Session>}
 */
async function postSession(config, body, fresh) {
  const response = await fetch(config.url, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", [config.csrf.header]: fresh ?? csrfToken(config) },
    body,
    signal: AbortSignal.timeout(PATIENCE),
  }).catch((error) => Promise.reject(new ChatError("network", error)));
  const answer = await response.json().catch(() => null);
  if (response.ok && answer?.client_secret) return answer;
  // The visitor logged in or out in another tab, so this page's token is void. The refusal brings a good one.
  const token = answer?.code === "csrf_failed" ? response.headers.get("X-CSRFToken") : null;
  if (token && !fresh) return postSession(config, body, (freshToken = token));
  throw refusal(response, answer?.code);
}

/** @param {Config} config */
function csrfToken({ csrf }) {
  const cookie = document.cookie.split("; ").find((pair) => csrf.cookie && pair.startsWith(`${csrf.cookie}=`));
  return cookie ? cookie.slice(cookie.indexOf("=") + 1) : (freshToken ?? csrf.token ?? "");
}

/** @param {Response} response @param {unknown} code */
function refusal({ status, headers }, code) {
  const cause = `The server answered ${status} ${code ?? ""}`;
  const seconds = Number(headers.get("Retry-After"));
  if (seconds > 0) return new ChatError("busy", cause, seconds);
  if (code === "permission_denied") return new ChatError("forbidden", cause);
  const login = status === 401 || code === "not_authenticated" || code === "authentication_failed";
  return new ChatError(login ? "login" : "unavailable", cause);
}

// --- the options ---

/**
 * ChatKit is light unless told otherwise. Here it is as the page is, where the page's own CSS declares a color-scheme.
 *
 * @param {ChatKitOptions["theme"]} theme @param {HTMLElement} element @returns {ChatKitOptions["theme"]}
 */
function withColorScheme(theme, element) {
  const wanted = typeof theme === "string" ? theme : theme?.colorScheme;
  if (wanted) element.style.colorScheme = wanted;
  const schemes = getComputedStyle(element).colorScheme;
  const either = schemes.includes("dark") && schemes.includes("light");
  const dark = either ? matchMedia("(prefers-color-scheme: dark)").matches : schemes.includes("dark");
  return { ...(typeof theme === "object" ? theme : {}), colorScheme: dark ? "dark" : "light" };
}

/** Uploads need the composer's consent too. @param {ChatKitOptions} options @param {Session} session */
function withUploads(options, session) {
  const { max_file_size, max_files } = session.chatkit_configuration?.file_upload ?? {};
  /** @type {NonNullable<ChatKitOptions["composer"]>["attachments"]} */
  const attachments = { enabled: true };
  if (max_file_size) attachments.maxSize = max_file_size * BYTES_PER_MEGABYTE;
  if (max_files) attachments.maxCount = max_files;
  return { ...options, composer: { ...options.composer, attachments } };
}

// --- the element ---

/** Elements that show an error. One click on "try again" is for all of them. @type {Set<DjangoChatKit>} */
const failed = new Set();

class DjangoChatKit extends HTMLElement {
  /** @type {OpenAIChatKit | null} */
  chatkit = null;
  /** What is said before and instead of the chat. */
  #note = document.createElement("div");
  /** Aborted when what it began is over: the element was removed, or starts again. */
  #run = new AbortController();
  #timer = 0;
  /** Tools that morph one page into the next remove children that the server did not send: ours. */
  #observer = new MutationObserver(() => {
    if ([this.#note, this.chatkit].some((child) => child && child.parentNode !== this)) this.#start();
  });

  connectedCallback() {
    this.#start();
    this.#observer.observe(this, { childList: true });
  }

  disconnectedCallback() {
    this.#observer.disconnect();
    this.#stop();
  }

  /** OpenAI's component cannot be connected twice, so every start makes a new one. */
  async #start() {
    this.#stop();
    const { signal } = (this.#run = new AbortController());
    /** @type {Config} */
    const config = JSON.parse(this.getAttribute("config") ?? "");
    if (config.height) this.style.height = config.height;
    this.#say("loading", config.texts.loading);
    const theme = withColorScheme(config.options.theme, this);
    this.#timer = window.setTimeout(() => this.#complain(config, new ChatError("script", "timeout")), PATIENCE);
    const request = requestSession(config);
    const mounted = loadScript(config.script).then(() => {
      if (!signal.aborted) return this.#mount(config, { ...config.options, theme }, request, signal);
    });
    try {
      const [session, options] = await Promise.all([request, mounted]);
      const uploads = session.chatkit_configuration?.file_upload?.enabled;
      if (options && uploads && !signal.aborted) this.chatkit?.setOptions(withUploads(options, session));
    } catch (error) {
      if (signal.aborted) return;
      this.#stop();
      this.#complain(config, error);
    }
  }

  #stop() {
    this.#run.abort();
    clearTimeout(this.#timer);
    failed.delete(this);
    this.chatkit = null;
    this.replaceChildren();
  }

  /**
   * @param {Config} config @param {Config["options"]} options
   * @param {Promise<Session> | null} first the request that is already on its way @param {AbortSignal} signal
   */
  #mount(config, options, first, signal) {
    const chatkit = (this.chatkit = document.createElement(COMPONENT));
    for (const name of EVENTS) chatkit.addEventListener(name, (event) => this.#pass(event));
    chatkit.addEventListener("chatkit.ready", () => this.#settle());
    /** @type {ChatKitOptions["api"]} */
    const api = {
      getClientSecret: async (current) => {
        clearTimeout(this.#timer);
        const request = first ?? this.#renew(config, current, signal);
        first = null;
        const { client_secret } = await request;
        if (!signal.aborted) this.#settle();
        return client_secret;
      },
    };
    const all = { ...options, api };
    this.dispatchEvent(new CustomEvent("django-chatkit.options", { detail: all, bubbles: true }));
    chatkit.setOptions(all);
    this.prepend(chatkit);
    return all;
  }

  /** @param {Config} config @param {string | null} current @param {AbortSignal} signal @returns {Promise<Session>} */
  async #renew(config, current, signal) {
    try {
      return await requestSession(config, current ? true : undefined);
    } catch (error) {
      if (!signal.aborted) this.#complain(config, error);
      throw error;
    }
  }

  /** @param {CustomEvent} event */
  #pass({ type, detail, bubbles }) {
    if (!bubbles) this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }

  /** The chat works: nothing is left to say. */
  #settle() {
    clearTimeout(this.#timer);
    failed.delete(this);
    this.#note.hidden = true;
  }

  /** @param {Config} config @param {unknown} error */
  #complain(config, error) {
    console.error(error);
    clearTimeout(this.#timer);
    failed.add(this);
    const { reason, seconds } = error instanceof ChatError ? error : new ChatError("unavailable");
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: config.texts.again });
    button.addEventListener("click", () => this.#retry());
    this.#say("error", config.texts[reason].replace("{seconds}", String(seconds)), button);
  }

  /** @param {"loading" | "error"} state @param {string} text @param {HTMLElement[]} more */
  #say(state, text, ...more) {
    const paragraph = Object.assign(document.createElement("p"), { textContent: text });
    Object.assign(this.#note, { role: state === "error" ? "alert" : "status", hidden: false });
    this.#note.dataset.state = state;
    this.#note.replaceChildren(paragraph, ...more);
    this.append(this.#note);
  }

  #retry() {
    forgetScript();
    for (const element of [...failed]) element.#start();
    // The button is gone, and with it the keyboard's place on the page.
    this.tabIndex = -1;
    this.focus({ preventScroll: true });
  }
}

if (!customElements.get("django-chatkit")) customElements.define("django-chatkit", DjangoChatKit);
