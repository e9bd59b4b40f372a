/**
 * The threads of hosted workflows: in this browser, one user's apart from another's. OpenAI keeps them at home.
 *
 * @typedef {import("./items.js").Item} Item
 * @typedef {{id: string, title: string, items: Item[]}} Thread
 */

const PLACE = "openai-standin";

export class Threads {
  /** Who they belong to, as the stand-in's secrets say. */
  owner = "";

  /** @returns {Thread[]} oldest first */
  get all() {
    return JSON.parse(localStorage.getItem(this.#place) ?? "[]");
  }

  get #place() {
    return `${PLACE}-${this.owner}`;
  }

  /** @param {string} id */
  find(id) {
    return this.all.find((thread) => thread.id === id);
  }

  /** @param {string} title @returns {Thread} */
  create(title) {
    const { length } = this.all;
    const thread = { id: length ? `cthr_standin_${length + 1}` : "cthr_standin", title, items: [] };
    this.#keep([...this.all, thread]);
    return thread;
  }

  /** Add an item, or replace it. @param {string} id @param {Item} item */
  put(id, item) {
    this.#change(id, (items) => [...items.filter((other) => other.id !== item.id), item]);
  }

  /** Forget what came after an item. @param {string} id @param {string} itemId */
  cut(id, itemId) {
    this.#change(id, (items) => items.slice(0, items.findIndex((item) => item.id === itemId) + 1));
  }

  /** @param {string} id @param {(items: Item[]) => Item[]} change */
  #change(id, change) {
    this.#keep(this.all.map((thread) => (thread.id === id ? { ...thread, items: change(thread.items) } : thread)));
  }

  /** @param {Thread[]} threads */
  #keep(threads) {
    localStorage.setItem(this.#place, JSON.stringify(threads));
  }
}
