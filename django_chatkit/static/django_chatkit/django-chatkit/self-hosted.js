/**
 * Requests to a chat that this site runs: they present the session's secret, to the chat's own address and to no other.
 */

/** The requests of ChatKit's protocol that are answered with events, so that an error can be told as one. */
// prettier-ignore
const STREAMING = new Set([
  "threads.create", "threads.add_user_message", "threads.add_client_tool_output", "threads.add_structured_input",
  "threads.retry_after_item", "threads.custom_action",
]);

/**
 * What the component fetches with. Where the secret is refused it presents another one, once.
 *
 * @param {string} chat @param {(refused?: string) => Promise<string>} secret which one to present
 * @param {(seconds: number) => string} wait what a visitor reads who has to wait
 * @returns {typeof fetch}
 */
export function fetchWithSecret(chat, secret, wait) {
  return async (input, init) => {
    if (!isSame(input instanceof Request ? input.url : input, chat)) return fetch(input, init);
    const request = new Request(input, /** @type {RequestInit} */ ({ ...init, duplex: "half" }));
    const body = await request.arrayBuffer(); // a stream can be read once, and may have to be sent twice
    const presented = await secret();
    let response = await present(presented, request, body);
    if (response.status === 401) response = await present(await secret(presented), request, body);
    return response.status === 429 && isStreaming(body) ? asEvent(response, wait) : response;
  };
}

/** @param {string | URL} url @param {string} chat */
function isSame(url, chat) {
  const { origin, pathname } = new URL(url, document.baseURI);
  return origin + pathname === chat;
}

/** @param {string} secret @param {Request} request @param {ArrayBuffer} body */
function present(secret, { url, method, headers, signal }, body) {
  const more = new Headers(headers);
  more.set("Authorization", `Bearer ${secret}`);
  // An empty body is none: GET may not have one.
  return fetch(url, { method, headers: more, body: body.byteLength ? body : null, signal, redirect: "error" });
}

/** @param {ArrayBuffer} body */
function isStreaming(body) {
  try {
    return STREAMING.has(JSON.parse(new TextDecoder().decode(body)).type);
  } catch {
    return false;
  }
}

/** Told in the chat, where the answer would be. @param {Response} refusal @param {(seconds: number) => string} wait */
function asEvent({ headers }, wait) {
  const message = wait(Number(headers.get("Retry-After") ?? "60"));
  const event = { type: "error", code: "custom", message, allow_retry: true };
  return new Response(`data: ${JSON.stringify(event)}\n\n`, { headers: { "Content-Type": "text/event-stream" } });
}
