/** The engine of a page beside a server: graphs run there, by the Open Inference Protocol v2 with binary tensors. */

/** @typedef {import("../model.js").Engine} Engine */
/** @typedef {import("../model.js").Tensor} Tensor */

const LENGTH = "inference-header-content-length";

/**
 * Make the engine.
 *
 * @param {(address: URL, options?: RequestInit) => Promise<Response>} get Fetches, and throws what the server refuses.
 * @param {URL} server
 * @param {string} prefix Of the names of the bundle's graphs on this server.
 * @returns {Engine}
 */
export function serverEngine(get, server, prefix) {
  return {
    run: async (graph, inputs) => {
      const address = new URL(`v2/models/${encodeURIComponent(prefix + graph)}/infer`, server);
      return readAnswer(await get(address, { method: "POST", ...request(inputs) }));
    },
  };
}

/**
 * @param {Record<string, Tensor>} inputs
 * @returns {RequestInit} A head of JSON, and the numbers behind it as they lie in memory (little end first everywhere).
 */
function request(inputs) {
  const head = new TextEncoder().encode(JSON.stringify({
    inputs: Object.entries(inputs).map(([name, { shape, data }]) => (
      { name, shape, datatype: "FP32", parameters: { binary_data_size: data.byteLength } })),
    parameters: { binary_data_output: true },
  }));
  const parts = Object.values(inputs).map(({ data }) => /** @type {BlobPart} */ (data));
  return {
    headers: { "content-type": "application/octet-stream", [LENGTH]: String(head.length) },
    body: new Blob([head, ...parts]),
  };
}

/**
 * @param {Response} response
 * @returns {Promise<Record<string, Tensor>>}
 */
async function readAnswer(response) {
  const body = await response.arrayBuffer();
  let at = Number(response.headers.get(LENGTH));
  const { outputs } = JSON.parse(new TextDecoder().decode(new Uint8Array(body, 0, at)));
  /** @type {Record<string, Tensor>} */
  const tensors = {};
  for (const { name, shape, parameters } of outputs) {
    const end = at + parameters.binary_data_size;
    tensors[name] = { shape, data: new Float32Array(body.slice(at, end)) };
    at = end;
  }
  return tensors;
}
