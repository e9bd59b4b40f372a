/**
 * What an empty conversation shows: a greeting, and the prompts that send a message.
 *
 * @typedef {import("@openai/chatkit").ChatKitOptions} ChatKitOptions
 * @typedef {import("@openai/chatkit").ChatKitIcon} ChatKitIcon
 */

import { drawing, make } from "./dom.js";

const SPARKLE = "M12 4l1.8 5.2L19 11l-5.2 1.8L12 18l-1.8-5.2L5 11l5.2-1.8zM19 16v4M17 18h4";
/** Some of ChatKit's icons, drawn anew; the others get the last resort of all buttons. @type {Record<string, string>} */
const DRAWN = {
  "book-open": "M12 6C9 4 6 4 3 5v13c3-1 6-1 9 1 3-2 6-2 9-1V5c-3-1-6-1-9 1zM12 6v13",
  bolt: "M13 3L5 14h6l-1 7 8-11h-6z",
  calendar: "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4",
  check: "M5 13l4 4L19 7",
  "circle-question": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.7.4-1 .9-1 1.7M12 16.8v.2",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 7v5l3 2",
  document: "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6",
  globe: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M3 12h18M12 3c-6 6-6 12 0 18 6-6 6-12 0-18",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 11v5M12 8v.2",
  lab: "M9 3h6M10 3v6l-5 9c-.8 1.5 0 3 1.7 3h10.6c1.7 0 2.5-1.5 1.7-3l-5-9V3M7.5 14h9",
  lightbulb: "M9 18h6M10 21h4M12 3a6 6 0 0 0-4 10.5c.8.8 1 1.5 1 2.5h6c0-1 .2-1.7 1-2.5A6 6 0 0 0 12 3",
  mail: "M3 6h18v12H3zM3 7l9 7 9-7",
  "map-pin": "M12 21c5-6 7-9 7-12a7 7 0 1 0-14 0c0 3 2 6 7 12zM12 7a2 2 0 1 0 0 4 2 2 0 0 0 0-4",
  phone: "M6 3h3l2 5-2.5 2c1 2.3 2.7 4 5 5l2-2.5 5 2v3c0 1.7-1 2.5-2.5 2.5C10 19.5 4 13 3.5 5.5 3.5 4 4.5 3 6 3z",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14M16 16l5 5",
  star: "M12 4l2.5 5.2 5.5.8-4 4 1 5.6-5-2.7-5 2.7 1-5.6-4-4 5.5-.8z",
  user: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8M4 21c1-5 4-7 8-7s7 2 8 7",
  write: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
  "lucide:cup-soda": "M6 8l1 13h10l1-13M4 8h16M12 8l1-5 3-1",
  "lucide:leaf": "M5 19c0-9 5-14 15-14 0 10-5 15-12 13M4 21c2-6 5-9 9-11",
  "lucide:moon": "M20 14A8 8 0 1 1 10 4a7 7 0 0 0 10 10z",
  "lucide:truck": "M3 6h11v10H3zM14 10h4l3 3v3h-7M7 16a2 2 0 1 0 0 4 2 2 0 0 0 0-4M17 16a2 2 0 1 0 0 4 2 2 0 0 0 0-4",
};

/** @param {ChatKitIcon} name */
function promptIcon(name) {
  const svg = drawing(DRAWN[name] ?? SPARKLE);
  svg.dataset.icon = name;
  return svg;
}

/** @param {ChatKitOptions["startScreen"]} options @param {(content: any[]) => void} send @returns {HTMLElement} */
export function startScreen({ greeting = "What can I help with today?", prompts = [] } = {}, send) {
  const buttons = prompts.map(({ label, prompt, icon }) => {
    const content = typeof prompt === "string" ? [{ type: "input_text", text: prompt }] : prompt;
    const onclick = () => send(content);
    return make("button", { type: "button", onclick }, icon && promptIcon(icon), make("span", { textContent: label }));
  });
  const heading = make("h2", { textContent: greeting });
  return make("div", { className: "start" }, heading, make("div", { className: "prompts" }, ...buttons));
}
