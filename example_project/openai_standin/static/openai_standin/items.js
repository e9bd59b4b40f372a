/**
 * One item of a conversation: what it looks like, and what an update of the server makes of it.
 *
 * @typedef {{id: string, type: string, [name: string]: any}} Item
 *
 * @typedef {object} Deeds What can be done with an item.
 * @property {(action: any, item: Item) => void} act a widget's action
 * @property {(item: Item, submission: object) => void} submit the answers to its questions
 */

import { icon, make, markdown, safeUrl } from "./dom.js";
import { renderWidget, withPart } from "./widgets.js";

/** @param {Item} item @param {Deeds} deeds @returns {HTMLElement | null} nothing for what visitors do not see */
export function renderItem(item, deeds) {
  const made = LOOKS[item.type]?.(item, deeds) ?? null;
  if (made) made.dataset.item = item.id;
  return made;
}

/** @type {Record<string, (item: Item, deeds: Deeds) => HTMLElement | null>} */
const LOOKS = {
  user_message: ({ content, attachments = [], quoted_text: quoted }) =>
    make(
      "div",
      { className: "user" },
      quoted && make("blockquote", {}, quoted),
      attachments.length > 0 && make("div", { className: "files" }, ...attachments.map(renderAttachment)),
      make("div", { className: "bubble", hidden: !textOf(content) }, textOf(content)),
    ),
  assistant_message: ({ content }) =>
    make("div", { className: "assistant markdown" }, ...content.flatMap((/** @type {any} */ part) => partOf(part))),
  widget: (item, deeds) =>
    renderWidget(item.widget, (action, values) =>
      deeds.act({ ...action, payload: Object.keys(values).length ? { ...action.payload, ...values } : action.payload }, item),
    ),
  generated_image: ({ image }) => image && make("img", { className: "picture", src: safeUrl(image.url) ?? "", alt: "" }),
  structured_input: renderQuestions,
  task: ({ task }) => make("div", { className: "steps" }, renderTask(task)),
  workflow: ({ workflow }) =>
    make(
      "details",
      { className: "steps", open: workflow.expanded },
      make("summary", {}, workflow.summary?.title ?? (workflow.type === "reasoning" ? "Thinking" : "Steps")),
      ...workflow.tasks.map(renderTask),
    ),
};

/** @param {any[]} content */
export const textOf = (content) => content.map(({ text }) => text).join("");

/** @param {{text: string, annotations?: any[]}} part */
function partOf({ text, annotations = [] }) {
  const sources = annotations.map(({ source }) => {
    const href = source.url && safeUrl(source.url);
    return make(href ? "a" : "span", href ? { href, target: "_blank", rel: "noopener" } : {}, source.title);
  });
  return [markdown(text), sources.length > 0 && make("p", { className: "sources" }, ...sources)].filter(Boolean);
}

/** @param {any} attachment */
export function renderAttachment({ type, name, preview_url: preview }) {
  const src = type === "image" && safeUrl(preview);
  if (src) return make("img", { className: "preview", src, alt: name, title: name });
  return make("span", { className: "file" }, icon("file"), make("span", { textContent: name }));
}

/** @param {any} task */
function renderTask({ title, content, title_query: query, queries = [] }) {
  return make("p", {}, [title, content, query, ...queries].filter(Boolean).join(" · "));
}

/** @param {Item} item @param {Deeds} deeds */
function renderQuestions(item, deeds) {
  if (item.status !== "pending") return renderAnswers(item);
  const form = make("form", { className: "card" }, ...item.inputs.map(question));
  form.append(
    make(
      "div",
      { className: "box row end" },
      make("button", { type: "button", className: "press", onclick: () => deeds.submit(item, { status: "skipped" }) }, "Skip"),
      make("button", { type: "submit", className: "press primary" }, "Send"),
    ),
  );
  form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    const given = new FormData(form);
    const answers = item.inputs.map((/** @type {any} */ { id }) => [id, { values: given.getAll(id).filter(Boolean) }]);
    deeds.submit(item, { status: "answered", answers: Object.fromEntries(answers) });
  });
  return make("div", { className: "widget" }, form);
}

/** @param {any} input */
function question({ id, question, type, options = [], multiple, description }) {
  const choice = (/** @type {any} */ { value }) =>
    make("label", { className: "choice" }, make("input", { type: multiple ? "checkbox" : "radio", name: id, value }), value);
  const fields =
    type === "multiple_choice" ? options.map(choice) : [make("input", { className: "field", name: id, "aria-label": question })];
  return make("fieldset", {}, make("legend", {}, question), description && make("p", {}, description), ...fields);
}

/** @param {Item} item */
function renderAnswers({ inputs }) {
  const rows = inputs.map((/** @type {any} */ { question, answer }) =>
    make("p", {}, `${question} — ${answer?.values?.join(", ") || "skipped"}`),
  );
  return make("div", { className: "steps" }, ...rows);
}

/** What an update makes of an item. @param {Item} item @param {any} update @returns {Item} */
export function updated(item, update) {
  const change = UPDATES[update.type];
  return change ? change(structuredClone(item), update) : item;
}

/** @type {Record<string, (item: Item, update: any) => Item>} */
const UPDATES = {
  "assistant_message.content_part.added": (item, { content_index: index, content }) => {
    item.content[index] = content;
    return item;
  },
  "assistant_message.content_part.done": (item, { content_index: index, content }) => {
    item.content[index] = content;
    return item;
  },
  "assistant_message.content_part.text_delta": (item, { content_index: index, delta }) => {
    while (item.content.length <= index) item.content.push({ type: "output_text", text: "", annotations: [] });
    item.content[index].text += delta;
    return item;
  },
  "assistant_message.content_part.annotation_added": (item, { content_index: index, annotation }) => {
    (item.content[index].annotations ??= []).push(annotation);
    return item;
  },
  "widget.root.updated": (item, { widget }) => ({ ...item, widget }),
  "widget.component.updated": (item, { component_id: id, component }) => ({
    ...item,
    widget: withPart(item.widget, id, () => component),
  }),
  "widget.streaming_text.value_delta": (item, { component_id: id, delta }) => ({
    ...item,
    widget: withPart(item.widget, id, (part) => ({ ...part, value: (part.value ?? "") + delta })),
  }),
  "workflow.task.added": (item, { task_index: index, task }) => {
    item.workflow.tasks.splice(index, 0, task);
    return item;
  },
  "workflow.task.updated": (item, { task_index: index, task }) => {
    item.workflow.tasks[index] = task;
    return item;
  },
  "generated_image.updated": (item, { image }) => ({ ...item, image }),
};
