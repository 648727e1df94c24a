/** Runs graphs beside the page, so that sliders stay smooth. */

import { Graphs } from "./graphs.js";

/** @type {Promise<Graphs> | null} */
let graphs = null;

/**
 * @param {import("../model.js").Manifest} manifest
 * @param {string} bundle Address of the bundle's folder.
 * @returns {Promise<Graphs>}
 */
async function open(manifest, bundle) {
  const home = new URL("../runtime/", import.meta.url);
  const ort = await import(new URL("ort.wasm.bundle.min.js", home).href);
  ort.env.wasm.numThreads = 1; // more need headers that plain file servers do not send
  ort.env.wasm.wasmPaths = { wasm: new URL("ort-wasm-simd-threaded.wasm", home).href };
  return new Graphs(ort, manifest, (file) => fetchBytes(new URL(file, bundle)));
}

/**
 * @param {URL} url
 * @returns {Promise<Uint8Array>}
 */
async function fetchBytes(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.pathname} cannot be loaded: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

onmessage = async ({ data: { id, open: opening, run } }) => {
  try {
    if (opening) graphs = open(opening.manifest, opening.bundle);
    const found = await graphs;
    const result = run && found ? await found.run(run.graph, run.inputs) : null;
    postMessage({ id, result });
  } catch (error) {
    postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
};
