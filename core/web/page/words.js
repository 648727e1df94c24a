/** What the page calls things: the names the head gives its factors. */

/** @typedef {import("./model.js").Factor} Factor */

/**
 * Name what moves together.
 *
 * @param {Factor[]} factors
 * @returns {{content: string, style: string}}
 */
export function names(factors) {
  const of = (/** @type {(factor: Factor) => boolean} */ test) => listed(factors.filter(test).map(({ name }) => name.replaceAll("_", " ")));
  return { content: of(({ role }) => role === "content"), style: of(({ role }) => role !== "content") };
}

/**
 * @param {string[]} words
 * @returns {string}
 */
function listed(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/**
 * Begin a sentence.
 *
 * @param {string} text
 * @returns {string}
 */
export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * Say where between two pictures something lies.
 *
 * @param {number} weight 0..1, of picture B.
 * @returns {string}
 */
export function between(weight) {
  if (weight === 0) return "A";
  if (weight === 1) return "B";
  return `${Math.round(100 * weight)} % towards B`;
}
