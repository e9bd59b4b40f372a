/** Making elements: never from HTML text, so nothing that somebody wrote becomes markup. */

const SVG = "http://www.w3.org/2000/svg";
/** Icons as strokes on a field of 24 by 24. */
const STROKES = {
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M8 8h8v8H8z",
  attach: "M12 5v14M5 12h14",
  write: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
  history: "M12 7v5l3 3M3.5 9A9 9 0 1 1 3 12M3 4v5h5",
  close: "M6 6l12 12M18 6L6 18",
  remove: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
  good: "M7 20H4v-9h3zM7 11l4-8c2 0 3 1 3 3v3h5l1 2-2 9H7",
  bad: "M17 4h3v9h-3zM17 13l-4 8c-2 0-3-1-3-3v-3H5l-1-2 2-9h11",
  again: "M4 12a8 8 0 1 1 2 5.3M4 20v-4h4",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
};

/**
 * @param {string} tag @param {Record<string, unknown>} [properties] names with a hyphen, and `role`, become attributes
 * @param {(Node | string | null | undefined | false)[]} children
 * @returns {any}
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, String(value));
    else if (value !== undefined) Object.assign(element, { [name]: value });
  }
  element.append(.../** @type {Node[]} */ (children.filter(Boolean)));
  return element;
}

/** @param {keyof typeof STROKES} name */
export const icon = (name) => drawing(STROKES[name]);

/** @param {string} strokes */
export function drawing(strokes) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", strokes);
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.append(path);
  return svg;
}

/**
 * A button with an icon and a name for those who do not see it.
 *
 * @param {keyof typeof STROKES} name @param {string} label @param {() => void} onclick
 * @returns {HTMLButtonElement}
 */
export const iconButton = (name, label, onclick) =>
  make("button", { type: "button", className: "icon", title: label, "aria-label": label, onclick }, icon(name));

/** Only addresses that show something: never `javascript:`. @param {unknown} url @returns {string | null} */
export function safeUrl(url) {
  try {
    const { href, protocol } = new URL(String(url), document.baseURI);
    return ["http:", "https:", "mailto:", "blob:"].includes(protocol) || href.startsWith("data:image/") ? href : null;
  } catch {
    return null;
  }
}

const INLINE = /\*\*(.+?)\*\*|`([^`]+)`|\[([^\]]+)\]\(([^)\s]+)\)|(?<![*\w])\*([^*\s][^*]*)\*(?!\w)/;

/** @param {string} text @returns {(Node | string)[]} */
function inline(text) {
  const found = INLINE.exec(text);
  if (!found) return [text];
  const [whole, bold, code, label, address, italic] = found;
  const href = address && safeUrl(address);
  const link = href ? make("a", { href, target: "_blank", rel: "noopener" }, label) : label;
  const mark = bold ? make("strong", {}, ...inline(bold)) : code ? make("code", {}, code) : null;
  const node = mark ?? (italic ? make("em", {}, italic) : link);
  return [text.slice(0, found.index), node, ...inline(text.slice(found.index + whole.length))];
}

/** The Markdown that agents use most: paragraphs, headings, lists, bold, italic, code, links. @param {string} text */
export function markdown(text) {
  const made = document.createDocumentFragment();
  /** @type {Element | null} */
  let open = null;
  for (const line of text.split("\n")) {
    const [, mark = "", rest = line] = /^\s*(#{1,4}|[-*]|\d+\.) (.*)$/.exec(line) ?? [];
    const list = mark.startsWith("#") || !mark ? null : /\d/.test(mark) ? "OL" : "UL";
    if (!line.trim()) open = null;
    else if (list) (open = listIn(made, list)).append(make("li", {}, ...inline(rest)));
    else if (mark) made.append(make("h4", {}, ...inline(rest)));
    else if (open) (open.lastElementChild ?? open).append("\n", ...inline(line.trim()));
    else made.append((open = make("p", {}, ...inline(line))));
    if (mark && !list) open = null;
  }
  return made;
}

/** @param {DocumentFragment} made @param {string} kind @returns {Element} */
function listIn(made, kind) {
  if (made.lastElementChild?.tagName !== kind) made.append(make(kind));
  return /** @type {Element} */ (made.lastElementChild);
}
