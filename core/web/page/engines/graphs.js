/** Running the graphs of a bundle with onnxruntime-web, in a browser's worker as in Node. */

/** @typedef {import("../model.js").Manifest} Manifest */
/** @typedef {import("../model.js").Tensor} Tensor */

/** Graphs by name, opened when first used. */
export class Graphs {
  /** @type {Map<string, Promise<any>>} */
  #sessions = new Map();

  /**
   * @param {any} ort The module `onnxruntime-web`.
   * @param {Manifest} manifest
   * @param {(file: string) => Promise<Uint8Array>} read Gives a file of the bundle.
   */
  constructor(ort, manifest, read) {
    this.ort = ort;
    this.manifest = manifest;
    this.read = read;
  }

  /**
   * Run a graph on a batch.
   *
   * @param {string} name
   * @param {Record<string, Tensor>} inputs
   * @returns {Promise<Record<string, Tensor>>}
   */
  async run(name, inputs) {
    const session = await this.#session(name);
    const feeds = Object.fromEntries(Object.entries(inputs).map(([key, { data, shape }]) => [key, new this.ort.Tensor("float32", data, shape)]));
    const found = await session.run(feeds);
    return Object.fromEntries(this.manifest.graphs[name].outputs.map(({ name: key }) => [key, { shape: [...found[key].dims], data: found[key].data }]));
  }

  /**
   * @param {string} name
   * @returns {Promise<any>}
   */
  #session(name) {
    let session = this.#sessions.get(name);
    if (!session) {
      session = this.#open(name);
      this.#sessions.set(name, session);
    }
    return session;
  }

  /** @param {string} name */
  async #open(name) {
    const { file, sha256 } = this.manifest.graphs[name];
    const data = await this.read(file);
    const found = await digest(data);
    if (found && found !== sha256) throw new Error(`${file} is not the file that was exported`);
    return this.ort.InferenceSession.create(data, { executionProviders: ["wasm"], logSeverityLevel: 3 });
  }
}

/**
 * Give the sha256 of some bytes, or null where the page was not served safely enough for the browser to compute it.
 *
 * @param {Uint8Array} data
 * @returns {Promise<string | null>}
 */
async function digest(data) {
  if (!globalThis.crypto?.subtle) return null;
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", /** @type {BufferSource} */ (data)));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
