/**
 * Failures that the visitor is told about, each in words of its own.
 */

/** Seconds: for those who may try again later and were not told when. */
const LATER = 60;
/** The text for each `code` of the API. */
/** @type {Record<string, string>} */
const REASONS = {
  not_authenticated: "login",
  authentication_failed: "logged_out",
  permission_denied: "forbidden",
  workflow_not_found: "missing",
  misconfigured: "misconfigured",
  upstream_error: "upstream",
  upstream_timeout: "timeout",
  upstream_rate_limited: "busy",
  not_saved: "not_saved",
  throttled: "throttled",
  csrf_failed: "stale",
  parse_error: "rejected",
  body_too_large: "too_large",
};
/** The text for answers without a code: of fields that are wrong, or of a proxy on the way. */
/** @type {Record<number, string>} */
const STATUSES = { 400: "rejected", 401: "login", 413: "too_large", 415: "rejected", 429: "busy" };
const MAY_WAIT = new Set(["busy", "throttled"]);

/** `reason` is a key of `Config.texts`. */
export class ChatError extends Error {
  /** @param {string} reason @param {unknown} [cause] for the console @param {number} [seconds] to wait first */
  constructor(reason, cause, seconds) {
    super(`django-chatkit: ${reason}${typeof cause === "string" ? `, ${cause}` : ""}`, { cause });
    this.reason = reason;
    this.seconds = seconds;
  }
}

/** @param {unknown} error */
export const asChatError = (error) => (error instanceof ChatError ? error : new ChatError("unavailable", error));

/** @param {Response} response @param {unknown} code what the answer calls the failure */
export function refusal({ status, headers }, code) {
  const seconds = Math.ceil(Number(headers.get("Retry-After"))) || 0;
  const known = REASONS[String(code)] ?? STATUSES[status];
  const reason = known ?? (seconds > 0 ? "busy" : "unavailable");
  const wait = MAY_WAIT.has(reason) ? (seconds > 0 ? seconds : LATER) : undefined;
  return new ChatError(reason, `The server answered ${status} ${code ?? ""}`, wait);
}

/**
 * "in 42 seconds", in the language of this element.
 *
 * @param {number} seconds @param {Element} element
 */
export function when(seconds, element) {
  const format = new Intl.RelativeTimeFormat(languageOf(element));
  return seconds < 90 ? format.format(seconds, "second") : format.format(Math.ceil(seconds / 60), "minute");
}

/** @param {Element} element */
function languageOf(element) {
  try {
    return Intl.getCanonicalLocales(element.closest("[lang]")?.getAttribute("lang") || "en");
  } catch {
    return "en"; // what the page says is no language tag
  }
}
