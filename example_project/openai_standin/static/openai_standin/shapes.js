/**
 * What a value may be, said in checks that throw where it is something else: nothing is turned into what was meant.
 *
 * @typedef {(value: any, where: string) => void} Check
 */

/** What the real component throws for what it does not take. */
export class IntegrationError extends Error {
  name = "IntegrationError";
}

/** @param {unknown} condition @param {string} where @param {string} [why] @returns {asserts condition} */
export function demand(condition, where, why = "") {
  if (!condition) throw new IntegrationError(`Invalid input at ${where}${why && `: ${why}`}.`);
}

/** @param {string} type @returns {Check} */
const ofType = (type) => (value, where) => demand(typeof value === type, where, `a ${type} is expected`);

export const text = ofType("string");
export const flag = ofType("boolean");
export const number = ofType("number");
export const deed = ofType("function");

/** @type {Check} */
export const positive = (value, where) => demand(typeof value === "number" && value > 0, where, "more than 0 is expected");

/** What may be left out. @param {Check} check @returns {Check} */
export const maybe = (check) => (value, where) => value === undefined || check(value, where);

/** @param {Check} check @returns {Check} */
export const orNull = (check) => (value, where) => value === null || check(value, where);

/** @param {readonly unknown[]} values @returns {Check} */
export const oneOf = (values) => (value, where) => demand(values.includes(value), where, `one of ${values.join(", ")}`);

/** What one of these takes; the last one says what is wrong. @param {Check[]} checks @returns {Check} */
export const either = (...checks) => (value, where) => {
  const last = checks.length - 1;
  for (const check of checks.slice(0, last)) if (passes(check, value, where)) return;
  checks[last](value, where);
};

/** @param {Check} check @param {unknown} value @param {string} where */
function passes(check, value, where) {
  try {
    check(value, where);
    return true;
  } catch {
    return false;
  }
}

/** @param {Check} check @returns {Check} */
export const listOf = (check) => (value, where) => {
  demand(Array.isArray(value), where, "an array is expected");
  value.forEach((/** @type {unknown} */ item, /** @type {number} */ index) => check(item, `${where}.${index}`));
};

/** Any names, and values of one kind. @param {Check} check @returns {Check} */
export const recordOf = (check) => (value, where) => {
  isObject(value, where);
  for (const [name, item] of Object.entries(value)) check(item, `${where}.${name}`);
};

/** These names and no other. @param {Record<string, Check>} shape @returns {Check} */
export const shaped = (shape) => (value, where) => {
  isObject(value, where);
  known(value, Object.keys(shape), where);
  for (const [name, check] of Object.entries(shape)) check(value[name], where === "options" ? name : `${where}.${name}`);
};

/** @param {object} given @param {string[]} names @param {string} where */
export function known(given, names, where) {
  const unknown = Object.keys(given).filter((name) => !names.includes(name));
  if (unknown.length) throw new IntegrationError(`Unrecognized keys in ${where}: ${unknown.join(", ")}`);
}

/** @type {Check} */
function isObject(value, where) {
  demand(typeof value === "object" && value !== null && !Array.isArray(value), where, "an object is expected");
}
