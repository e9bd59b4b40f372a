/**
 * Widgets: trees of components that a server puts into a conversation. Sizes, colours and icons are simpler here.
 *
 * @typedef {{type: string, [name: string]: any}} Part A component of a widget.
 * @typedef {(action: any, values: Record<string, unknown>) => void} Act What happens when one is clicked or submitted.
 */

import { make, markdown, safeUrl } from "./dom.js";

/** @param {Part} root @param {Act} act @returns {HTMLElement} */
export function renderWidget(root, act) {
  return make("div", { className: "widget" }, render(root, act));
}

/**
 * Change a part of the tree, wherever it is.
 *
 * @param {any} root @param {string} id @param {(part: Part) => Part} change
 * @returns {any} the new tree
 */
export function withPart(root, id, change) {
  if (Array.isArray(root)) return root.map((part) => withPart(part, id, change));
  if (!root || typeof root !== "object") return root;
  if (root.id === id) return change(root);
  return "children" in root ? { ...root, children: withPart(root.children, id, change) } : root;
}

/** @param {Part} part @param {Act} act @returns {HTMLElement} */
function render(part, act) {
  const kind = KINDS[part.type];
  return kind ? kind(part, act) : make("div", {}, ...inside(part, act));
}

/** @param {Part} part @param {Act} act @returns {Node[]} */
const inside = ({ children }, act) => [children ?? []].flat().map((child) => render(child, act));

/** Spacing units are 4 pixels each. @param {unknown} value */
const length = (value) => (typeof value === "number" ? `${value * 4}px` : typeof value === "string" ? value : "");
/** @param {unknown} value */
const pixels = (value) => (typeof value === "number" ? `${value}px` : typeof value === "string" ? value : "");
const ALIGN = { start: "flex-start", end: "flex-end", between: "space-between", around: "space-around" };
/** @param {string | undefined} name @returns {string} */
const aligned = (name) => /** @type {any} */ (ALIGN)[name ?? ""] ?? name ?? "";

/** @param {Part} part @param {Act} act @param {string} direction @param {string} [tag] */
function box(part, act, direction, tag = "div") {
  const element = make(tag, { className: `box ${direction}` }, ...inside(part, act));
  const { gap, padding, align, justify, wrap, flex, width, height, minWidth, maxWidth, border, radius } = part;
  Object.assign(element.style, {
    gap: length(gap),
    padding: typeof padding === "object" ? sides(padding) : length(padding),
    alignItems: aligned(align),
    justifyContent: aligned(justify),
    flexWrap: wrap ?? "",
    flex: flex ?? "",
    ...{ width: pixels(width), height: pixels(height), minWidth: pixels(minWidth), maxWidth: pixels(maxWidth) },
  });
  element.classList.toggle("bordered", Boolean(border));
  element.classList.toggle("round", Boolean(radius) && radius !== "none");
  return element;
}

/** @param {Record<string, any>} padding */
const sides = ({ top, right, bottom, left, x = 0, y = 0 }) =>
  [top ?? y, right ?? x, bottom ?? y, left ?? x].map((side) => length(side) || "0").join(" ");

/** @param {Part} part @param {string} tag @param {string} className */
function text(part, tag, className) {
  const { value, size = "md", weight, color, textAlign, italic, lineThrough, truncate } = part;
  const element = make(tag, { className: `${className} ${className}-${size}`, textContent: value ?? "" });
  const tone = typeof color === "string" && ["secondary", "tertiary", "danger", "success", "warning"].includes(color);
  if (tone) element.classList.add(`tone-${color}`);
  element.classList.toggle("truncate", Boolean(truncate));
  Object.assign(element.style, {
    fontWeight: { normal: "400", medium: "500", semibold: "600", bold: "700" }[/** @type {string} */ (weight)] ?? "",
    textAlign: textAlign ?? "",
    fontStyle: italic ? "italic" : "",
    textDecoration: lineThrough ? "line-through" : "",
  });
  return element;
}

/** What has been entered around an element. @param {HTMLElement} element @returns {Record<string, unknown>} */
function valuesAround(element) {
  const form = element.closest("form");
  return form ? Object.fromEntries(new FormData(form)) : {};
}

/** @param {Part} part @param {Act} act @returns {HTMLElement} */
function button(part, act) {
  const { label = "", style = "secondary", submit, disabled = false, block, onClickAction, color } = part;
  const made = make("button", { type: submit ? "submit" : "button", className: `press ${style}`, disabled }, label);
  made.classList.toggle("block", Boolean(block));
  made.classList.toggle("danger", color === "danger");
  if (onClickAction) made.addEventListener("click", () => act(onClickAction, valuesAround(made)));
  return made;
}

/** @param {Part} part @param {Act} act @returns {HTMLElement} */
function card(part, act) {
  const { status, confirm, cancel, asForm, size = "md" } = part;
  const press = (/** @type {any} */ wanted, /** @type {string} */ style) =>
    wanted && button({ type: "Button", label: wanted.label, style, onClickAction: wanted.action }, act);
  const made = make(
    asForm ? "form" : "div",
    { className: `card card-${size}` },
    status && make("div", { className: "status", textContent: status.text }),
    ...inside(part, act),
    (confirm || cancel) && make("div", { className: "box row end" }, press(cancel, "secondary"), press(confirm, "primary")),
  );
  if (asForm) made.addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
  return made;
}

/** @param {Part} part @param {Act} act @returns {HTMLElement} */
function form(part, act) {
  const made = box(part, act, part.direction ?? "col", "form");
  made.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    if (part.onSubmitAction) act(part.onSubmitAction, valuesAround(/** @type {HTMLElement} */ (made.firstChild ?? made)));
  });
  return made;
}

/** @param {Part} part @param {Act} act @returns {HTMLElement} */
function listItem(part, act) {
  const { onClickAction } = part;
  if (!onClickAction) return make("li", {}, make("div", { className: "box row" }, ...inside(part, act)));
  const press = make("button", { type: "button", className: "box row" }, ...inside(part, act));
  press.addEventListener("click", () => act(onClickAction, {}));
  return make("li", {}, press);
}

/** @param {Part} part @param {Act} act @param {HTMLElement} field @returns {HTMLElement} */
function field(part, act, field) {
  const { name, placeholder, required, disabled, onChangeAction } = part;
  Object.assign(field, { name, required: Boolean(required), disabled: Boolean(disabled) });
  if (placeholder) field.setAttribute(field instanceof HTMLSelectElement ? "aria-label" : "placeholder", placeholder);
  if (!part.label) field.ariaLabel ??= placeholder ?? name;
  if (onChangeAction) field.addEventListener("change", () => act(onChangeAction, valuesAround(field)));
  return field;
}

/** @param {Part} part @param {Act} act */
function select(part, act) {
  const options = part.options.map((/** @type {any} */ { value, label }) =>
    make("option", { value, selected: value === part.defaultValue }, label),
  );
  return field(part, act, make("select", { className: "field" }, ...options));
}

/** @param {Part} part @param {Act} act */
function radios(part, act) {
  const choices = (part.options ?? []).map((/** @type {any} */ { value, label }) => {
    const input = make("input", { type: "radio", value, checked: value === part.defaultValue });
    return make("label", { className: "choice" }, field({ ...part, label }, act, input), label);
  });
  return make("div", { className: `box ${part.direction ?? "row"}`, role: "radiogroup" }, ...choices);
}

/** @param {Part} part */
function image(part) {
  const src = safeUrl(part.src);
  const made = make("img", { className: "picture", src: src ?? "", alt: part.alt ?? "", loading: "lazy" });
  const { width, height, size, fit } = part;
  Object.assign(made.style, { width: pixels(width ?? size), height: pixels(height ?? size), objectFit: fit ?? "" });
  return made;
}

/** @type {Record<string, (part: Part, act: Act) => HTMLElement>} */
const KINDS = {
  Card: card,
  Basic: (part, act) => box(part, act, part.direction ?? "col"),
  ListView: (part, act) => make("ul", { className: "card list" }, ...inside(part, act)),
  ListViewItem: listItem,
  Box: (part, act) => box(part, act, part.direction ?? "col"),
  Row: (part, act) => box(part, act, "row"),
  Col: (part, act) => box(part, act, "col"),
  Form: form,
  Text: (part) => text(part, "p", "text"),
  Title: (part) => text(part, "h3", "title"),
  Caption: (part) => text(part, "p", "caption"),
  Label: (part) => text(part, "label", "caption"),
  Markdown: (part) => make("div", { className: "markdown" }, markdown(part.value ?? "")),
  Badge: ({ label, color = "secondary" }) => make("span", { className: `tag tag-${color}`, textContent: label }),
  Button: button,
  Divider: () => make("hr"),
  Spacer: () => make("div", { className: "spacer" }),
  Icon: () => make("span", { className: "dot", "aria-hidden": "true" }),
  Image: image,
  Input: (part, act) => {
    const { inputType: type = "text", defaultValue: value = "" } = part;
    return field(part, act, make("input", { className: "field", type, value }));
  },
  DatePicker: (part, act) => {
    return field(part, act, make("input", { className: "field", type: "date", value: part.defaultValue?.slice(0, 10) }));
  },
  Textarea: (part, act) => field(part, act, make("textarea", { className: "field", value: part.defaultValue ?? "" })),
  Select: select,
  RadioGroup: radios,
  Checkbox: (part, act) => {
    const input = make("input", { type: "checkbox", checked: Boolean(part.defaultChecked) });
    return make("label", { className: "choice" }, field(part, act, input), part.label ?? "");
  },
  Table: (part, act) => make("table", {}, make("tbody", {}, ...inside(part, act))),
  "Table.Row": (part, act) => make("tr", {}, ...inside(part, act)),
  "Table.Cell": (part, act) => make("td", { colSpan: part.colSpan ?? 1 }, ...inside(part, act)),
};
