/**
 * The theme, as attributes and variables that the style sheet knows. What is not set is as in the sheet.
 *
 * @typedef {import("@openai/chatkit").ChatKitOptions} ChatKitOptions
 * @typedef {import("@openai/chatkit").ThemeOption} ThemeOption
 */

/** From here on a colour is so light that what is written on it is dark. */
const LIGHT = 0.18;

/** @param {HTMLElement} element @param {ChatKitOptions["theme"]} theme */
export function dress(element, theme) {
  /** @type {ThemeOption} */
  const { colorScheme = "light", radius = "pill", density = "normal", color = {}, typography = {} } =
    typeof theme === "string" ? { colorScheme: theme } : (theme ?? {});
  Object.assign(element.dataset, { colorScheme, radius, density });
  const { accent, surface, grayscale } = color;
  const variables = {
    "--accent": accent?.primary,
    "--on": accent && textOn(accent.primary),
    "--tint": accent && `${accent.level * 8}%`,
    "--back": surface?.background,
    "--text": surface?.foreground,
    "--soft": grayscale && `hsl(${grayscale.hue} ${grayscale.tint * 4}% ${colorScheme === "dark" ? 17 : 95}%)`,
    "--size": typography.baseSize && `${typography.baseSize}px`,
    "--font": typography.fontFamily,
  };
  for (const [name, value] of Object.entries(variables)) element.style.setProperty(name, value || null);
}

/** Black or white, whichever is easier to read on `color`. @param {string} color */
function textOn(color) {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  if (!context) return null;
  context.fillStyle = color;
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
  return luminance(red, green, blue) > LIGHT ? "#111" : "#fff";
}

/** As WCAG defines it. @param {number[]} channels of 0 to 255 */
function luminance(...channels) {
  const [red, green, blue] = channels.map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
