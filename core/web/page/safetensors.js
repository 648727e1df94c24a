/** Reading the samples a bundle keeps. */

/** @typedef {import("./model.js").Tensor} Tensor */

const LARGEST_HEADER = 1 << 20;

/**
 * Read the float32 tensors of a safetensors file.
 *
 * @param {ArrayBuffer} buffer
 * @returns {Record<string, Tensor>}
 */
export function readSafetensors(buffer) {
  const length = buffer.byteLength < 8 ? -1 : Number(new DataView(buffer).getBigUint64(0, true));
  if (length < 0 || length > LARGEST_HEADER || 8 + length > buffer.byteLength) throw new Error("the samples of the bundle are damaged");
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  /** @type {Record<string, Tensor>} */
  const tensors = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__" || entry.dtype !== "F32") continue;
    const [start, end] = entry.data_offsets;
    // sliced, because the data need not begin where floats may
    tensors[name] = { shape: entry.shape, data: new Float32Array(buffer.slice(8 + length + start, 8 + length + end)) };
  }
  return tensors;
}
