/**
 * A stand-in for OpenAI's chatkit.js with the part of its interface that a secret needs. Not OpenAI's code.
 *
 * `window.held` is when it held its secret, in milliseconds since the navigation.
 */
customElements.define("openai-chatkit", class extends HTMLElement {
  #api = null;

  setOptions({ api }) {
    const first = !this.#api;
    this.#api = api;
    if (first && this.isConnected) this.#begin();
  }

  connectedCallback() {
    if (this.#api) this.#begin();
  }

  async #begin() {
    if (!(await this.#api.getClientSecret(null))) throw new Error("There is no secret.");
    window.held = performance.now();
    this.dispatchEvent(new CustomEvent("chatkit.ready"));
  }
});
