/**
 * The options that the real component refuses are refused here too: every key and every kind of value that its types
 * name, and no other. `tsc` holds the keys against those types.
 *
 * @typedef {import("@openai/chatkit").ChatKitOptions} ChatKitOptions
 * @typedef {import("@openai/chatkit").CustomApiConfig} CustomApiConfig
 * @typedef {import("@openai/chatkit").HostedApiConfig} HostedApiConfig
 * @typedef {import("./shapes.js").Check} Check
 */
/** @template T @typedef {{[Name in keyof Required<T>]: Check}} Shape */
/** @template {keyof ChatKitOptions} Name @typedef {Exclude<ChatKitOptions[Name], undefined | string | null>} Part */

import {
  deed, demand, either, flag, known, listOf, maybe, number, oneOf, orNull, positive, recordOf, shaped, text,
} from "./shapes.js"; // prettier-ignore
import { HEADER_ICONS, ICONS, LOCALES } from "./words.js";

const LUCIDE = /^lucide:./;
const SCHEMES = /** @satisfies {import("@openai/chatkit").ColorScheme[]} */ (["light", "dark"]);

/** @type {Check} */
const icon = (value, where) => LUCIDE.test(value) || oneOf(ICONS)(value, where);

/** @type {Shape<import("@openai/chatkit").FontObject>} */
const FONT = {
  family: text,
  src: text,
  weight: maybe(either(text, number)),
  style: maybe(oneOf(["normal", "italic", "oblique"])),
  display: maybe(oneOf(["auto", "block", "swap", "fallback", "optional"])),
  unicodeRange: maybe(text),
};

/** @type {Shape<import("@openai/chatkit").TypographyOption>} */
const TYPOGRAPHY = {
  baseSize: maybe(oneOf([14, 15, 16, 17, 18])),
  fontSources: maybe(listOf(shaped(FONT))),
  fontFamily: maybe(text),
  fontFamilyMono: maybe(text),
};

/** @type {Shape<import("@openai/chatkit").GrayscaleOptions>} */
const GRAYSCALE = {
  hue: (value, where) => demand(typeof value === "number" && value >= 0 && value <= 360, where, "0 to 360 degrees"),
  tint: oneOf([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
  shade: maybe(oneOf([-4, -3, -2, -1, 0, 1, 2, 3, 4])),
};

/** @type {Shape<import("@openai/chatkit").AccentColor>} */
const ACCENT = { primary: text, level: oneOf([0, 1, 2, 3]) };

/** @type {Shape<import("@openai/chatkit").SurfaceColors>} */
const SURFACE = { background: text, foreground: text };

/** @type {Shape<import("@openai/chatkit").ColorOption>} */
const COLOR = { grayscale: maybe(shaped(GRAYSCALE)), accent: maybe(shaped(ACCENT)), surface: maybe(shaped(SURFACE)) };

/** @type {Shape<import("@openai/chatkit").ThemeOption>} */
const THEME = {
  colorScheme: maybe(oneOf(SCHEMES)),
  typography: maybe(shaped(TYPOGRAPHY)),
  radius: maybe(oneOf(["pill", "round", "soft", "sharp"])),
  density: maybe(oneOf(["compact", "normal", "spacious"])),
  color: maybe(shaped(COLOR)),
};

const HEADER_ACTION = { icon: oneOf(HEADER_ICONS), onClick: deed };

/** @type {Shape<Part<"header">>} */
const HEADER = {
  enabled: maybe(flag),
  title: maybe(shaped({ enabled: maybe(flag), text: maybe(text) })),
  leftAction: maybe(shaped(HEADER_ACTION)),
  rightAction: maybe(shaped(HEADER_ACTION)),
};

/** @type {Shape<Part<"history">>} */
const HISTORY = { enabled: maybe(flag), showDelete: maybe(flag), showRename: maybe(flag) };

const INPUT_TEXT = { type: oneOf(["input_text"]), text };
const INPUT_TAG = {
  type: oneOf(["input_tag"]),
  text,
  id: text,
  group: maybe(text),
  data: maybe(recordOf(() => {})),
  interactive: maybe(flag),
};

/** @type {Shape<import("@openai/chatkit").StartScreenPrompt>} */
const PROMPT = {
  label: text,
  prompt: either(listOf(either(shaped(INPUT_TEXT), shaped(INPUT_TAG))), text),
  icon: maybe(icon),
};

/** @type {Shape<Part<"startScreen">>} */
const START_SCREEN = { greeting: maybe(text), prompts: maybe(listOf(shaped(PROMPT))) };

/** @type {Shape<import("@openai/chatkit").ToolOption>} */
const TOOL = {
  id: text,
  label: text,
  icon,
  shortLabel: maybe(text),
  placeholderOverride: maybe(text),
  pinned: maybe(flag),
  persistent: maybe(flag),
};

/** @type {Shape<import("@openai/chatkit").ModelOption>} */
const MODEL = { id: text, label: text, description: maybe(text), disabled: maybe(flag), default: maybe(flag) };

/** @type {Shape<NonNullable<Part<"composer">["attachments"]>>} */
const ATTACHMENTS = {
  enabled: flag,
  maxSize: maybe(either(positive, recordOf(positive))),
  maxCount: maybe(positive),
  accept: maybe(recordOf(listOf(text))),
};

/** @type {Shape<Part<"composer">>} */
const COMPOSER = {
  placeholder: maybe(text),
  attachments: maybe(shaped(ATTACHMENTS)),
  tools: maybe(listOf(shaped(TOOL))),
  models: maybe(listOf(shaped(MODEL))),
  dictation: maybe(shaped({ enabled: flag })),
};

/** @type {Shape<Part<"entities">>} */
const ENTITIES = {
  onTagSearch: maybe(deed),
  showComposerMenu: maybe(flag),
  onClick: maybe(deed),
  onRequestPreview: maybe(deed),
};

/** @type {Shape<ChatKitOptions>} */
const OPTIONS = {
  api: () => {}, // looked at first, and more closely
  locale: maybe(oneOf(LOCALES)),
  theme: maybe((value, where) => (typeof value === "string" ? oneOf(SCHEMES) : shaped(THEME))(value, where)),
  frameTitle: maybe(text),
  initialThread: maybe(orNull(text)),
  onClientTool: maybe(deed),
  header: maybe(shaped(HEADER)),
  history: maybe(shaped(HISTORY)),
  startScreen: maybe(shaped(START_SCREEN)),
  threadItemActions: maybe(shaped({ feedback: maybe(flag), retry: maybe(flag) })),
  composer: maybe(shaped(COMPOSER)),
  disclaimer: maybe(shaped({ text, highContrast: maybe(flag) })),
  entities: maybe(shaped(ENTITIES)),
  commands: maybe(shaped({ enabled: flag, onSearch: maybe(deed), onSelect: maybe(deed) })),
  widgets: maybe(shaped({ onAction: maybe(deed) })),
  thread: maybe(shaped({ autoScroll: maybe(flag) })),
};

/** What the real component throws for. @param {ChatKitOptions} options */
export function check(options) {
  const { api } = options ?? {};
  demand(api, "api", "it is required");
  const hosted = "getClientSecret" in api;
  demand(hosted !== "url" in api, "api", "either getClientSecret or url");
  if (hosted) checkHosted(/** @type {HostedApiConfig} */ (api));
  else checkCustom(/** @type {CustomApiConfig} */ (api), options);
  shaped(OPTIONS)(options, "options");
}

/** @param {HostedApiConfig} api */
function checkHosted(api) {
  deed(api.getClientSecret, "api.getClientSecret");
  demand(!("domainKey" in api), "api.domainKey", "it has no place here");
  known(api, ["getClientSecret"], "api");
}

/** @param {CustomApiConfig} api @param {ChatKitOptions} options */
function checkCustom(api, { composer }) {
  demand(typeof api.url === "string" && api.url, "api.url", "a string is expected");
  demand(typeof api.domainKey === "string" && api.domainKey, "api.domainKey", "it is required");
  maybe(deed)(api.fetch, "api.fetch");
  known(api, ["url", "domainKey", "fetch", "uploadStrategy"], "api");
  const { uploadStrategy } = api;
  demand(uploadStrategy || !composer?.attachments?.enabled, "api", "attachments need an uploadStrategy");
  if (!uploadStrategy) return;
  demand(["two_phase", "direct"].includes(uploadStrategy.type), "api.uploadStrategy", "two_phase or direct");
  demand(uploadStrategy.type !== "direct" || uploadStrategy.uploadUrl, "api.uploadStrategy", "uploadUrl is missing");
}
