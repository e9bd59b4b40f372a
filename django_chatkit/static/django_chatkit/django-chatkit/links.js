/**
 * Links that open a chat: `#chatkit?prompt=…&thread=…&workflow=slug`, on this page or on the way to it.
 *
 * @typedef {object} Wish What somebody wants to see in the chat.
 * @property {string} [prompt] Written into the composer, and never sent: that is the visitor's to do.
 * @property {string} [thread] A thread's id.
 */

import { configOf } from "\x2e/config.js?v=0.1.0"

const MARK = "#chatkit";

/**
 * The wish in the page's address, if it is for this element. It is taken out of the address, so that the same link
 * works twice and a reload does not repeat it.
 *
 * @param {HTMLElement} element @returns {Wish | null}
 */
export function takeLink(element) {
  const { hash, pathname, search } = location;
  if (hash !== MARK && !hash.startsWith(`${MARK}?`)) return null;
  const wanted = new URLSearchParams(hash.slice(MARK.length));
  if (meant(wanted.get("workflow")) !== element) return null;
  history.replaceState(history.state, "", pathname + search);
  return { prompt: wanted.get("prompt") ?? undefined, thread: wanted.get("thread") ?? undefined };
}

/** The page's first chat of this workflow; one that leaves it to the server may be of any. @param {string | null} slug */
function meant(slug) {
  const chats = [...document.querySelectorAll("django-chatkit[config]")];
  if (slug === null) return chats[0];
  const workflow = (/** @type {Element} */ chat) => configOf(chat).workflow;
  return chats.find((chat) => workflow(chat) === slug) ?? chats.find((chat) => workflow(chat) === undefined);
}
