/**
 * OpenAI's script: loaded once per page, with the page's nonce, and anew when it failed or never came.
 */

import { ChatError } from "\x2e/errors.js?v=0.1.0"

export const COMPONENT = "openai-chatkit";

/** @type {string | undefined} */
let nonce;
/** @type {HTMLScriptElement | null} */
let script = null;
/** @type {Promise<unknown> | null} */
let defined = null;
let attempts = 0;

/** @param {string} module the address of the one module that the page itself names */
export function takeNonceOf(module) {
  nonce = [...document.scripts].find(({ src }) => src === module)?.nonce;
}

/** @param {string} url @returns {Promise<unknown>} resolved when the component is defined */
export function loadScript(url) {
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
export function forgetScript() {
  if (customElements.get(COMPONENT)) return;
  script?.remove();
  script = defined = null;
}
