/**
 * ChatKit's protocol, as the server SDK `openai-chatkit` speaks it: every request is a POST to one address; an answer is
 * JSON, or server-sent events.
 *
 * @typedef {import("@openai/chatkit").CustomApiConfig} CustomApiConfig
 */

/** An answer that is none. */
export class RequestError extends Error {
  name = "RequestError";

  /** @param {number} status */
  constructor(status) {
    super(`The server answered ${status}.`);
    this.status = status;
  }
}

export class SelfHosted {
  kind = "self_hosted";
  remembers = true;

  /** @param {CustomApiConfig} api */
  constructor(api) {
    this.api = api;
  }

  async begin() {
    return true;
  }

  end() {}

  /** @param {string} type @param {object} params @returns {Promise<any>} */
  async request(type, params) {
    return (await this.#post(type, params)).json();
  }

  /** Events as they come. @param {string} type @param {object} params @param {AbortSignal} signal */
  async *stream(type, params, signal) {
    const { body } = await this.#post(type, params, signal);
    if (body) yield* eventsOf(body);
  }

  /** @param {string} type @param {object} params @param {AbortSignal} [signal] */
  #post(type, params, signal) {
    const body = JSON.stringify({ type, params });
    return this.#fetch(this.api.url, { method: "POST", headers: { "Content-Type": "application/json" }, body, signal });
  }

  /** @param {string} url @param {RequestInit} init */
  async #fetch(url, init) {
    const response = await (this.api.fetch ?? fetch)(url, init);
    if (!response.ok) throw new RequestError(response.status);
    return response;
  }

  /** Send a file's bytes; what a message then refers to. @param {File} file */
  async upload(file) {
    const { uploadStrategy } = this.api;
    if (uploadStrategy?.type === "direct") {
      return (await this.#fetch(uploadStrategy.uploadUrl, { method: "POST", body: formOf(file) })).json();
    }
    const { name, size, type: mime_type } = file;
    const attachment = await this.request("attachments.create", { name, size, mime_type: mime_type || OCTETS });
    const { url, method, headers } = attachment.upload_descriptor;
    await this.#fetch(url, { method, headers, body: formOf(file) });
    return attachment;
  }
}

const OCTETS = "application/octet-stream";

/** @param {File} file */
function formOf(file) {
  const form = new FormData();
  form.append("file", file, file.name);
  return form;
}

/** Server-sent events, wherever the chunks are cut. @param {ReadableStream<Uint8Array>} body */
export async function* eventsOf(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  let chunk = null;
  try {
    while (!(chunk = await reader.read()).done) {
      rest += decoder.decode(chunk.value, { stream: true });
      const blocks = rest.split(/\r?\n\r?\n/);
      rest = blocks.pop() ?? "";
      yield* blocks.map(dataOf).filter(Boolean);
    }
  } finally {
    if (chunk && !chunk.done) reader.cancel().catch(() => {});
  }
}

/** @param {string} block @returns {any} */
function dataOf(block) {
  const lines = block.split(/\r?\n/).filter((line) => line.startsWith("data:"));
  return lines.length ? JSON.parse(lines.map((line) => line.slice(5)).join("\n")) : null;
}
