/** The factors in numbers, and the model card. */

import { element } from "./dom.js";
import { capital } from "./words.js";

/** @typedef {import("./model.js").Factor} Factor */
/** @typedef {import("./model.js").Factors} Factors */
/** @typedef {import("./model.js").Model} Model */

const ROLES = {
  content: "content: what labels name",
  style: "style: what varies within a label",
  rest: "rest: what the head keeps aside; travels with style",
};
/** Numbers in one line of a strip, few and many. */
const [LINE, LONG_LINE] = [64, 256];

/** A list of the factors with what two pictures have in them. */
export class FactorList {
  /**
   * @param {Factor[]} factors
   * @param {HTMLElement} home
   */
  constructor(factors, home) {
    this.factors = factors;
    /** @type {Record<string, HTMLCanvasElement>} */
    this.strips = {};
    home.replaceChildren(...factors.map((factor) => this.#entry(factor)), element("p", { class: "quiet" }, "Each cell is one number: orange above zero, blue below, the stronger the further."));
  }

  /** @param {Factor} factor */
  #entry(factor) {
    const size = factor.shape.join(" × ");
    const lines = ["A", "B"].map((letter) => {
      const canvas = element("canvas", { role: "img", class: "strip", "aria-label": `${factor.name} of ${letter}` });
      this.strips[`${factor.name} ${letter}`] = canvas;
      return element("div", { class: "strip-line" }, letter, canvas);
    });
    return element("div", { class: "factor" },
      element("h3", {}, factor.name),
      element("p", { class: "quiet" }, `${capital(ROLES[factor.role])}. ${size} ${factor.shape.length > 1 ? "map" : "numbers"}, ${factor.distribution}.`),
      ...lines);
  }

  /**
   * Paint what is known, by picture; a factor has one scale in both.
   *
   * @param {Record<string, Factors>} known
   */
  show(known) {
    for (const { name } of this.factors) {
      const values = Object.entries(known).map(([letter, factors]) => ({ letter, data: factors[name].data }));
      const largest = Math.max(...values.map(({ data }) => data.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9)));
      for (const { letter, data } of values) strip(this.strips[`${name} ${letter}`], data, largest, `${name} of ${letter}`);
    }
  }
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Float32Array} values
 * @param {number} largest Magnitude with the strongest colour.
 * @param {string} name
 */
function strip(canvas, values, largest, name) {
  const line = values.length > 8 * LINE ? LONG_LINE : LINE;
  [canvas.width, canvas.height] = [Math.min(values.length, line), Math.ceil(values.length / line)];
  const data = new ImageData(canvas.width, canvas.height);
  values.forEach((value, i) => data.data.set([...(value < 0 ? [37, 99, 200] : [214, 110, 20]), 255 * (Math.abs(value) / largest)], 4 * i));
  canvas.getContext("2d")?.putImageData(data, 0, 0);
  const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  canvas.setAttribute("aria-label", `${name}: ${values.length} numbers from ${low.toPrecision(3)} to ${high.toPrecision(3)}`);
}

/**
 * Describe the bundle.
 *
 * @param {Model} model
 * @param {string} engine Where the graphs run.
 * @returns {HTMLElement}
 */
export function modelCard({ manifest, head: { method, reduction } }, engine) {
  const { backbone, versions, graphs } = manifest;
  const worst = Math.max(...Object.values(graphs).map((graph) => graph.tolerance.max_abs));
  const precisions = [...new Set(Object.values(graphs).map((graph) => graph.precision))].join(", ");
  const bytes = Object.values(graphs).reduce((sum, graph) => sum + graph.bytes, 0);
  const entries = {
    Method: [method.name, `${method.distribution} ${method.version}`],
    "Backbone, frozen": [backbone.adapter, backbone.source && `source: ${backbone.source}`],
    "Licence of the weights": [backbone.licence || "not stated"],
    Pictures: [manifest.image.shape.slice(1).join(" × "), "channels × height × width; files are cut to their middle and resized"],
    Latent: [manifest.latent.shape.slice(1).join(" × ")],
    Graphs: [Object.keys(graphs).join(", "), `${(bytes / 1e6).toFixed(1)} MB of ONNX, ${precisions}, at most ${worst.toExponential(0)} from torch`],
    ...(reduction ? { "What smaller weights cost": [cost(reduction)] } : {}),
    "Runs on": [engine],
    "Made by": [`Unbraid ${versions.unbraid}`, `torch ${versions.torch}, ONNX opset ${versions.opset}`],
    Fingerprint: [element("code", {}, backbone.fingerprint)],
  };
  return element("dl", {}, ...Object.entries(entries).flatMap(([name, [first, second]]) => [
    element("dt", {}, name), element("dd", {}, first, ...(second ? [element("span", { class: "quiet" }, second)] : []))]));
}

/**
 * @param {import("./model.js").Reduction} reduction
 * @returns {HTMLElement}
 */
function cost({ dataset, episodes, figures }) {
  const lines = figures.map(({ name, before, after, chance }) => element("li", {},
    `${name}: ${before.toFixed(3)} → ${after.toFixed(3)}`, chance === null ? "" : ` (chance ${chance.toFixed(3)})`));
  return element("details", {}, element("summary", {}, `measured on ${dataset}, ${episodes} episodes`), element("ul", {}, ...lines));
}
