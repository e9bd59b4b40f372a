/**
 * What this tab remembers from one page to the next: the visitor's last thread, and whether a panel is open.
 *
 * @typedef {import("./config.js?v=0.1.0").Config} Config
 * @typedef {import("./config.js?v=0.1.0").Session} Session
 */

const PREFIX = "django-chatkit";

/** One entry of the tab's storage, which may be forbidden or full: then nothing is remembered. */
class Entry {
  /** @param {string} kind @param {(string | undefined)[]} parts */
  constructor(kind, parts) {
    this.key = `${PREFIX}.${kind}:${JSON.stringify(parts.map((part) => part ?? ""))}`;
  }

  get value() {
    try {
      return sessionStorage.getItem(this.key);
    } catch {
      return null;
    }
  }

  /** @param {string | null} value */
  set value(value) {
    try {
      if (value === null) sessionStorage.removeItem(this.key);
      else sessionStorage.setItem(this.key, value);
    } catch {
      // The chat works without it.
    }
  }
}

/** Whether this element's panel is open. @param {HTMLElement} element @param {Config} config */
export const openness = ({ id }, { workflow }) => new Entry("open", [workflow, id]);

/**
 * The last thread of this visitor, who is known by the session, and of nobody else. None where the server keeps no
 * history, or the page decides.
 *
 * @param {HTMLElement} element @param {Config} config @param {Session} session @returns {{value: string | null}}
 */
export function lastThread({ id }, { workflow, resume, options }, { user, chatkit_configuration }) {
  const decided = resume === false || "initialThread" in options;
  if (!user || decided || chatkit_configuration?.history?.enabled === false) return { value: null };
  return new Entry("thread", [user, workflow, id]);
}
