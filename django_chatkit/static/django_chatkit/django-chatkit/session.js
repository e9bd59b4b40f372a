/**
 * Client secrets: asked for once for all chats of a page that may share one, with a CSRF token that is still good.
 *
 * @typedef {import("./config.js?v=0.1.0").Config} Config
 * @typedef {import("./config.js?v=0.1.0").Session} Session
 */

import { purpose } from "\x2e/config.js?v=0.1.0"
import { ChatError, refusal } from "\x2e/errors.js?v=0.1.0"

/** Milliseconds: with the default DEADLINE the server gives up on OpenAI sooner. */
const PATIENCE = 20_000;
/** On the answer that brings a session: where the chat of a self-hosted workflow is. */
const CHAT_URL_HEADER = "X-ChatKit-URL";
/** On the same answer: for whom it is. */
const USER_HEADER = "X-ChatKit-User";

/** Requests that have not been answered yet, by what they ask for. @type {Map<string, Promise<Session>>} */
const pending = new Map();
/** The last answers, by what they are sessions for: every chat of the page uses the newest. @type {Map<string, Session>} */
const newest = new Map();
/** The page's first request. Others wait for it: it may be what gives a visitor an identity. @type {Promise<void> | null} */
let first = null;
/** The CSRF token that the server sent last, because the page's own had become invalid. @type {string | null} */
let freshToken = null;

/** The last session of this page for this purpose. @param {Config} config */
export const newestSession = (config) => newest.get(purpose(config));

/**
 * @param {Config} config @param {boolean} [refresh] a new session, even if one is still good
 * @returns {Promise<Session>}
 */
export function requestSession(config, refresh) {
  const { url, workflow, state_variables } = config;
  const body = JSON.stringify({ workflow, state_variables, refresh });
  const key = `${url} ${body}`;
  const request = pending.get(key) ?? Promise.resolve(first).then(() => postSession(config, body));
  first ??= request.then(() => {}, () => {});
  pending.set(key, request);
  request.then((session) => newest.set(purpose(config), session), () => {});
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
  if (response.ok && answer?.client_secret) return sessionOf(response, answer);
  // The visitor logged in or out in another tab, so this page's token is void. The refusal brings a good one.
  const token = answer?.code === "csrf_failed" ? response.headers.get("X-CSRFToken") : null;
  if (token && !fresh) return postSession(config, body, (freshToken = token));
  throw refusal(response, answer?.code);
}

/** @param {Response} response @param {Session} answer @returns {Session} */
function sessionOf({ headers, url }, answer) {
  const chat = headers.get(CHAT_URL_HEADER);
  const user = headers.get(USER_HEADER) ?? undefined;
  return { ...answer, user, chat: chat ? new URL(chat, url).href : undefined };
}

/** @param {Config} config */
function csrfToken({ csrf }) {
  const cookie = document.cookie.split("; ").find((pair) => csrf.cookie && pair.startsWith(`${csrf.cookie}=`));
  return cookie ? cookie.slice(cookie.indexOf("=") + 1) : (freshToken ?? csrf.token ?? "");
}
