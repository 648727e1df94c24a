/** Making elements without markup in strings: names of files and factors are text, never HTML. */

/**
 * Make an element.
 *
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes] `class`, `aria-label`, ...; functions under `on...` become listeners, false leaves one out.
 * @param {...(Node | string)} children
 * @returns {any} The element.
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (value !== false && value !== undefined) made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children);
  return made;
}

/**
 * Find an element of the page.
 *
 * @param {string} id
 * @returns {any}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element #${id}`);
  return found;
}

/**
 * Make a function that runs one call at a time; of those that come meanwhile only the last is kept.
 *
 * @template {unknown[]} A
 * @param {(...values: A) => Promise<void>} work
 * @returns {(...values: A) => Promise<void>}
 */
export function latestOnly(work) {
  /** @type {A | null} */
  let waiting = null;
  /** @type {Promise<void> | null} */
  let running = null;

  const drain = async () => {
    while (waiting) {
      const values = waiting;
      waiting = null;
      await work(...values);
    }
  };
  return (...values) => {
    waiting = values;
    running ??= drain().finally(() => { running = null; });
    return running;
  };
}
