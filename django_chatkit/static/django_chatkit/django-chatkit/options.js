/**
 * The options of OpenAI's component: the page's, and what the session and the colour scheme make of them.
 *
 * @typedef {import("./config.js?v=0.1.0").ChatKitOptions} ChatKitOptions
 * @typedef {import("./config.js?v=0.1.0").ColorScheme} ColorScheme
 * @typedef {import("./config.js?v=0.1.0").Config} Config
 * @typedef {import("./config.js?v=0.1.0").Session} Session
 */

const BYTES_PER_MEGABYTE = 1024 * 1024;
export const DARK = "(prefers-color-scheme: dark)";

/**
 * The scheme that is asked for, or else the one of the page, as its own CSS declares it; ChatKit itself would be light.
 *
 * @param {Config} config @param {HTMLElement} element @returns {ColorScheme}
 */
export function colorScheme({ color_scheme }, element) {
  element.style.colorScheme = color_scheme === "auto" ? "light dark" : (color_scheme ?? "");
  const schemes = getComputedStyle(element).colorScheme;
  const either = schemes.includes("dark") && schemes.includes("light");
  return (either ? matchMedia(DARK).matches : schemes.includes("dark")) ? "dark" : "light";
}

/** @param {ChatKitOptions["theme"]} theme @param {ColorScheme} colorScheme @returns {ChatKitOptions["theme"]} */
export function withColorScheme(theme, colorScheme) {
  return { ...(typeof theme === "object" ? theme : {}), colorScheme };
}

/**
 * What a session allows, the component must be told too: files are taken exactly where the session takes them, and a
 * history that the server does not show is not offered. A title that the panel shows is not shown twice.
 *
 * @param {Config} config @param {Session} session @returns {Config["options"]}
 */
export function optionsFor({ layout, options: given }, { chatkit_configuration: { file_upload, history } = {} }) {
  const options = { ...given };
  if (history?.enabled === false) options.history = { enabled: false, ...options.history };
  const { title } = options.header ?? {};
  if (layout === "floating" && title?.text) options.header = { ...options.header, title: { enabled: false, ...title } };
  if (!file_upload?.enabled) return options;
  /** @type {NonNullable<ChatKitOptions["composer"]>["attachments"]} */
  const attachments = { enabled: true };
  if (file_upload.max_file_size) attachments.maxSize = file_upload.max_file_size * BYTES_PER_MEGABYTE;
  if (file_upload.max_files) attachments.maxCount = file_upload.max_files;
  return { ...options, composer: { ...options.composer, attachments } };
}

/** What the panel around a chat is called. @param {Config} config */
export const nameOf = ({ options, texts }) => options.header?.title?.text || options.frameTitle || texts.chat;
