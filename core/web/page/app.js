/** The page: reads which engine and which bundle it has, and joins the parts. */

import { FactorList, modelCard } from "./card.js";
import { byId, element, latestOnly } from "./dom.js";
import { browserEngine } from "./engines/browser.js";
import { Mixer } from "./mixer.js";
import { Model, row } from "./model.js";
import { Picker } from "./picker.js";
import { readSafetensors } from "./safetensors.js";
import { Swaps } from "./swaps.js";
import { names } from "./words.js";

/** @typedef {import("./model.js").Engine} Engine */
/** @typedef {import("./model.js").Factors} Factors */
/** @typedef {import("./model.js").Manifest} Manifest */
/** @typedef {{engine: "browser" | "server", bundle: string, runtime?: string}} Settings of `page.json` */

const LETTERS = ["A", "B"];

/** Two pictures and one head. */
class Page {
  /** @type {Record<string, Float32Array>} */
  #pictures = {};
  /** @type {Record<string, Factors>} */
  #known = {};

  /**
   * @param {Manifest} manifest
   * @param {Engine} engine
   * @param {string} where The graphs run.
   */
  constructor(manifest, engine, where) {
    this.manifest = manifest;
    this.engine = engine;
    this.where = where;
    const update = latestOnly(() => this.#update());
    this.update = () => update().catch(fail);
  }

  /**
   * Show what a head makes of the pictures.
   *
   * @param {string} name
   */
  use(name) {
    const model = new Model(this.manifest, name, this.engine);
    this.model = model;
    this.#known = {};
    describe(model);
    this.list = new FactorList(model.factors, byId("factors"));
    this.swaps = model.composes ? new Swaps(model, byId("swaps-grid")) : null;
    this.mixer = model.composes ? new Mixer(model, byId("mixer-body"), fail) : null;
    for (const id of ["swaps", "mixer"]) byId(id).hidden = !model.composes;
    byId("card").replaceChildren(modelCard(model, this.where));
    this.update();
  }

  /** @param {Float32Array[]} samples */
  addPickers(samples) {
    const image = this.manifest.image.shape.slice(1).map(Number);
    const pickers = LETTERS.map((letter) => new Picker({ letter, image, samples, onpicture: (picture) => this.#take(letter, picture) }));
    byId("pickers").replaceChildren(...pickers.map((picker) => picker.element));
    pickers.forEach((picker, i) => samples.length && picker.take(Math.min(i, samples.length - 1)));
  }

  /**
   * @param {string} letter
   * @param {Float32Array} picture
   */
  #take(letter, picture) {
    this.#pictures[letter] = picture;
    delete this.#known[letter];
    this.update();
  }

  async #update() {
    const { model, list, swaps, mixer } = this;
    if (!model) return;
    say("Computing…");
    for (const letter of LETTERS) {
      if (this.#known[letter] || !this.#pictures[letter]) continue;
      const picture = this.#pictures[letter];
      const factors = await model.disentangle(picture);
      if (model !== this.model || picture !== this.#pictures[letter]) return; // another update waits
      this.#known[letter] = factors;
    }
    list?.show(this.#known);
    const { A, B } = this.#known;
    if (A && B) {
      await swaps?.update(A, B);
      await mixer?.update(A, B);
    }
    say(A && B ? "Ready." : "Choose two pictures.");
  }
}

/** @param {string} text */
function say(text) {
  byId("failure").hidden = true;
  byId("status").hidden = false;
  byId("status").textContent = text;
}

/** @param {unknown} error */
function fail(error) {
  byId("status").hidden = true;
  byId("stuck").hidden = true;
  byId("failure").hidden = false;
  byId("failure").textContent = `That did not work: ${error instanceof Error ? error.message : error}`;
}

/** @param {Model} model */
function describe(model) {
  const { content, style } = names(model.factors);
  const what = `${model.head.method.name} on ${model.manifest.backbone.adapter}`;
  document.title = `${what}: Unbraid`;
  byId("lead").textContent = style
    ? `This model (${what}) splits a picture into ${content} and ${style}. Choose two pictures to see what each part holds.`
    : `This model (${what}) takes ${content} out of a picture. Choose two pictures to see what it holds.`;
  byId("swaps-text").textContent = `The ${content} of one picture with the ${style} of the other. Framed: nothing swapped, only taken apart and put together again.`;
  byId("mixer-text").textContent = `Go from A to B in ${content} and in ${style}, each on its own.`;
}

/** @param {string | URL} address */
async function get(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} cannot be loaded: ${response.status} ${response.statusText}`);
  return response;
}

/**
 * @param {URL} bundle
 * @returns {Promise<Float32Array[]>} Pictures of the bundle, for those who have none at hand.
 */
async function samplesOf(bundle) {
  const response = await fetch(new URL("samples/in.safetensors", bundle));
  const batch = response.ok ? readSafetensors(await response.arrayBuffer())["encode.image"] : undefined;
  return batch ? Array.from({ length: batch.shape[0] }, (_, i) => row(batch, i).data) : [];
}

/**
 * @param {string[]} heads
 * @param {(name: string) => void} use
 */
function offerHeads(heads, use) {
  if (heads.length < 2) return;
  const select = element("select", { id: "head", onchange: () => use(select.value) }, ...heads.map((name) => element("option", { value: name }, name)));
  byId("heads").replaceChildren(element("label", { for: "head" }, "Head"), select);
}

async function start() {
  /** @type {Settings} */
  const settings = await (await get("page.json")).json();
  const bundle = new URL(settings.bundle, location.href);
  /** @type {Manifest} */
  const manifest = await (await get(new URL("manifest.json", bundle))).json();
  const heads = Object.keys(manifest.heads);
  const engine = await browserEngine(manifest, bundle);
  const page = new Page(manifest, engine, `onnxruntime-web ${settings.runtime}, in this browser`);
  offerHeads(heads, (name) => page.use(name));
  page.use(heads[0]);
  page.addPickers(await samplesOf(bundle));
  byId("privacy").textContent = "Everything runs in this browser; your pictures do not leave it.";
  byId("stuck").hidden = true;
  byId("content").hidden = false;
}

start().catch(fail);
