/** The verbs of a bundle, over any engine that runs its graphs; the roles decide who gives what. */

/** @typedef {{shape: number[], data: Float32Array}} Tensor the first dimension is the batch */
/** @typedef {{name: string, shape: (number | string)[]}} Port an input or output of a graph */
/** @typedef {{inputs: Port[], outputs: Port[], sha256: string, bytes: number, file: string, precision: string, tolerance: {max_abs: number}}} Graph */
/** @typedef {{name: string, shape: number[], role: "content" | "style" | "rest", distribution: string}} Factor */
/** @typedef {{name: string, before: number, after: number, chance: number | null}} Figure with float32 weights and with those of the bundle */
/** @typedef {{dataset: string, episodes: number, figures: Figure[]}} Reduction what smaller weights cost */
/**
 * @typedef {{
 *   method: {name: string, distribution: string, version: string},
 *   factors: Factor[],
 *   graphs: Record<string, string>,
 *   reduction: Reduction | null,
 * }} Head `graphs`: verb -> name
 */
/**
 * @typedef {{
 *   image: {shape: (number | string)[]},
 *   latent: {shape: (number | string)[]},
 *   heads: Record<string, Head>,
 *   graphs: Record<string, Graph>,
 *   backbone: {adapter: string, source: string, licence: string, fingerprint: string},
 *   versions: Record<string, string>,
 * }} Manifest
 */
/** @typedef {{run: (graph: string, inputs: Record<string, Tensor>) => Promise<Record<string, Tensor>>}} Engine */
/** @typedef {Record<string, Tensor>} Factors factor name -> values, `(1, *factor)` */

/**
 * Mix the factors of two pictures: content at weight `a` of the second, style and rest at weight `b`.
 *
 * @param {Factor[]} factors
 * @param {Factors} first
 * @param {Factors} second
 * @param {number} a 0..1
 * @param {number} b 0..1
 * @returns {Factors}
 */
export function mix(factors, first, second, a, b) {
  return Object.fromEntries(
    factors.map(({ name, role }) => {
      const weight = role === "content" ? a : b;
      const data = first[name].data.map((value, i) => Math.fround(value * (1 - weight)) + Math.fround(second[name].data[i] * weight));
      return [name, { shape: first[name].shape, data }];
    }),
  );
}

/**
 * Put tensors of one row each into one batch.
 *
 * @param {Tensor[]} rows
 * @returns {Tensor}
 */
export function stack(rows) {
  const width = rows[0].data.length;
  const data = new Float32Array(rows.length * width);
  rows.forEach((row, i) => data.set(row.data, i * width));
  return { shape: [rows.length, ...rows[0].shape.slice(1)], data };
}

/**
 * Give one row of a batch.
 *
 * @param {Tensor} batch
 * @param {number} i
 * @returns {Tensor}
 */
export function row(batch, i) {
  const width = batch.data.length / batch.shape[0];
  return { shape: [1, ...batch.shape.slice(1)], data: batch.data.slice(i * width, (i + 1) * width) };
}

/** A bundle with one of its heads, which can be asked for factors and pictures. */
export class Model {
  /**
   * @param {Manifest} manifest
   * @param {string} name Of the head.
   * @param {Engine} engine
   */
  constructor(manifest, name, engine) {
    this.manifest = manifest;
    this.head = manifest.heads[name];
    this.engine = engine;
  }

  /** @returns {Factor[]} */
  get factors() {
    return this.head.factors;
  }

  /** @returns {number[]} `[channels, height, width]` of a picture. */
  get image() {
    return this.manifest.image.shape.slice(1).map(Number);
  }

  /** @returns {boolean} Whether factors can be put back together to pictures. */
  get composes() {
    return "entangle" in this.head.graphs && "decode" in this.manifest.graphs;
  }

  /**
   * Split a picture into its factors.
   *
   * @param {Float32Array} picture Channels first, in [0, 1].
   * @returns {Promise<Factors>}
   */
  async disentangle(picture) {
    const { latent } = await this.#run("encode", { image: { shape: [1, ...this.image], data: picture } });
    return this.#run(this.head.graphs.disentangle, { latent });
  }

  /**
   * Make a picture of every set of factors.
   *
   * @param {Factors[]} sets
   * @returns {Promise<Tensor>} `(sets, channels, height, width)`, in [0, 1].
   */
  async entangle(sets) {
    const inputs = Object.fromEntries(this.factors.map(({ name }) => [name, stack(sets.map((set) => set[name]))]));
    const { latent } = await this.#run(this.head.graphs.entangle, inputs);
    return (await this.#run("decode", { latent })).image;
  }

  /**
   * @param {string} graph
   * @param {Record<string, Tensor>} inputs
   * @returns {Promise<Record<string, Tensor>>}
   */
  async #run(graph, inputs) {
    const rows = Object.values(inputs)[0].shape[0];
    const noise = this.manifest.graphs[graph].inputs.find((port) => port.name === "noise" && !("noise" in inputs));
    if (noise) { // left out, it is zeros, which gives the mean
      const shape = [rows, ...noise.shape.slice(1).map(Number)];
      inputs = { ...inputs, noise: { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) } };
    }
    return this.engine.run(graph, inputs);
  }
}
