/**
 * The words that the real component takes, as its types list them: `tsc` compares both.
 *
 * @typedef {import("@openai/chatkit").ChatKitIcon} ChatKitIcon
 * @typedef {import("@openai/chatkit").LucideIcon} LucideIcon
 * @typedef {import("@openai/chatkit").HeaderIcon} HeaderIcon
 * @typedef {import("@openai/chatkit").SupportedLocale} SupportedLocale
 */

// prettier-ignore
export const LOCALES = /** @satisfies {readonly SupportedLocale[]} */ (/** @type {const} */ ([
  "am", "ar", "bg-BG", "bn-BD", "bs-BA", "ca-ES", "cs-CZ", "da-DK", "de-DE", "el-GR", "es-419", "es-ES", "et-EE",
  "fi-FI", "fr-CA", "fr-FR", "gu-IN", "hi-IN", "hr-HR", "hu-HU", "hy-AM", "id-ID", "is-IS", "it-IT", "ja-JP", "ka-GE",
  "kk", "kn-IN", "ko-KR", "lt", "lv-LV", "mk-MK", "ml", "mn", "mr-IN", "ms-MY", "my-MM", "nb-NO", "nl-NL", "pa",
  "pl-PL", "pt-BR", "pt-PT", "ro-RO", "ru-RU", "sk-SK", "sl-SI", "so-SO", "sq-AL", "sr-RS", "sv-SE", "sw-TZ", "ta-IN",
  "te-IN", "th-TH", "tl", "tr-TR", "uk-UA", "ur", "vi-VN", "zh-CN", "zh-HK", "zh-TW", "bg", "bn", "bs", "ca", "cs",
  "da", "de", "el", "es", "et", "fi", "fr", "gu", "hi", "hr", "hu", "hy", "id", "is", "it", "ja", "ka", "kn", "ko",
  "lv", "mk", "mr", "ms", "my", "nb", "nl", "pl", "pt", "ro", "ru", "sk", "sl", "so", "sq", "sr", "sv", "sw", "ta",
  "te", "th", "tr", "uk", "vi", "zh", "zh-Hant", "en",
]));

// prettier-ignore
export const ICONS = /** @satisfies {readonly ChatKitIcon[]} */ (/** @type {const} */ ([
  "agent", "analytics", "atom", "batch", "bolt", "book-open", "book-closed", "book-clock", "bug", "calendar", "chart",
  "check", "check-circle", "check-circle-filled", "chevron-left", "chevron-right", "circle-question", "clock",
  "compass", "confetti", "cube", "desktop", "document", "dots-horizontal", "dots-vertical", "empty-circle",
  "external-link", "globe", "keys", "lab", "images", "info", "lifesaver", "lightbulb", "mail", "map-pin", "maps",
  "mobile", "name", "notebook", "notebook-pencil", "page-blank", "phone", "play", "plus", "profile", "profile-card",
  "reload", "star", "star-filled", "search", "sparkle", "sparkle-double", "square-code", "square-image",
  "square-text", "suitcase", "settings-slider", "user", "wreath", "write", "write-alt", "write-alt2",
]));

// prettier-ignore
export const HEADER_ICONS = /** @satisfies {readonly HeaderIcon[]} */ (/** @type {const} */ ([
  "sidebar-left", "sidebar-right", "sidebar-open-left", "sidebar-open-right", "sidebar-open-left-alt",
  "sidebar-open-right-alt", "sidebar-floating-left", "sidebar-floating-right", "sidebar-floating-open-left",
  "sidebar-floating-open-right", "sidebar-collapse-left", "sidebar-collapse-right", "collapse-left", "collapse-right",
  "open-left", "open-right", "double-chevron-left", "double-chevron-right", "home", "home-alt", "back-small",
  "back-large", "expand-large", "collapse-large", "expand-small", "collapse-small", "star", "star-filled", "bug",
  "chat-temporary", "settings-cog", "grid", "dots-horizontal", "dots-vertical", "dots-horizontal-circle",
  "dots-vertical-circle", "menu", "menu-inverted", "hamburger", "history", "book-open", "compose", "share",
  "light-mode", "dark-mode", "close",
]));

/**
 * Names that the types have and that are missing here: there are none.
 *
 * @template Wanted, Given
 * @typedef {Exclude<Wanted, Given> extends never ? "none" : Exclude<Wanted, Given>} Missing
 */
void /** @satisfies {Missing<SupportedLocale, typeof LOCALES[number]>} */ ("none");
void /** @satisfies {Missing<Exclude<ChatKitIcon, LucideIcon>, typeof ICONS[number]>} */ ("none");
void /** @satisfies {Missing<HeaderIcon, typeof HEADER_ICONS[number]>} */ ("none");
