/** The engine of a page that stands alone: graphs run in this browser, and no picture leaves it. */

/** @typedef {import("../model.js").Engine} Engine */
/** @typedef {import("../model.js").Manifest} Manifest */

/**
 * Start the engine.
 *
 * @param {Manifest} manifest
 * @param {URL} bundle Address of the bundle's folder, ending in a slash.
 * @returns {Promise<Engine>}
 */
export async function browserEngine(manifest, bundle) {
  const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  /** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void}>} */
  const waiting = new Map();
  let count = 0;

  worker.onmessage = ({ data: { id, result, error } }) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) call?.resolve(result);
    else call?.reject(new Error(error));
  };
  worker.onerror = (event) => {
    event.preventDefault();
    const problem = new Error(event.message || "the browser cannot start the part that runs the model");
    for (const call of waiting.values()) call.reject(problem);
    waiting.clear();
  };

  /** @param {Record<string, unknown>} message */
  const ask = (message) => new Promise((resolve, reject) => {
    waiting.set(++count, { resolve, reject });
    worker.postMessage({ id: count, ...message });
  });
  await ask({ open: { manifest, bundle: bundle.href } });
  return { run: (graph, inputs) => ask({ run: { graph, inputs } }) };
}
