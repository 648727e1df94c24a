/** The page: reads which engine and which bundle it has, and joins the parts. */

import { get } from "./access.js";
import { FactorList, modelCard } from "./card.js";
import { byId, element, latestOnly } from "./dom.js";
import { browserEngine } from "./engines/browser.js";
import { serverEngine } from "./engines/server.js";
import { Mixer } from "./mixer.js";
import { Model, row } from "./model.js";
import { Picker } from "./picker.js";
import { readSafetensors } from "./safetensors.js";
import { Swaps } from "./swaps.js";
import { names } from "./words.js";

/** @typedef {import("./model.js").Engine} Engine */
/** @typedef {import("./model.js").Factors} Factors */
/** @typedef {import("./model.js").Manifest} Manifest */
/** @typedef {{name: string, address: string, prefix: string}} Place of a bundle; `prefix` of its graphs on a server */
/** @typedef {{engine: "browser" | "server", bundles: Place[], runtime?: string}} Settings of `page.json` */

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
    this.mixer = model.composes ? new Mixer(model, byId("mixer-body"), watch) : null;
    for (const id of ["swaps", "mixer"]) byId(id).hidden = !model.composes;
    byId("no-way-back").hidden = model.composes;
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

/**
 * Say what goes wrong, and no longer once something goes right.
 *
 * @param {Promise<void>} work
 * @returns {Promise<void>}
 */
function watch(work) {
  return work.then(() => { if (!byId("failure").hidden) say("Ready."); }, fail);
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

/**
 * @param {URL} bundle
 * @returns {Promise<Float32Array[]>} Pictures of the bundle, for those who have none at hand.
 */
async function samplesOf(bundle) {
  const response = await get(new URL("samples/in.safetensors", bundle));
  const batch = readSafetensors(await response.arrayBuffer())["encode.image"];
  return batch ? Array.from({ length: batch.shape[0] }, (_, i) => row(batch, i).data) : [];
}

/**
 * Offer a choice, where there is one.
 *
 * @param {string} label
 * @param {string[]} names
 * @param {string} chosen
 * @param {(name: string) => void} use
 */
function offer(label, names, chosen, use) {
  if (names.length < 2) return;
  const options = names.map((name) => element("option", { value: name, selected: name === chosen }, name));
  const select = element("select", { id: `choose-${label}`, onchange: () => use(select.value) }, ...options);
  byId("choices").append(element("label", { for: select.id }, label), select);
}

/**
 * @param {Settings} settings
 * @param {Manifest} manifest
 * @param {URL} bundle
 * @param {string} prefix
 * @returns {Promise<{engine: Engine, where: string, privacy: string}>}
 */
async function engineFor(settings, manifest, bundle, prefix) {
  if (settings.engine === "server") {
    const privacy = "Pictures are computed on the server this page came from; it does not keep them.";
    return { engine: serverEngine(get, new URL(".", location.href), prefix), where: "the server of this page", privacy };
  }
  const privacy = "Everything runs in this browser; your pictures do not leave it.";
  return { engine: await browserEngine(manifest, bundle), where: `onnxruntime-web ${settings.runtime}, in this browser`, privacy };
}

async function start() {
  /** @type {Settings} */
  const settings = await (await get(new URL("page.json", location.href))).json();
  const bundles = Object.fromEntries(settings.bundles.map((bundle) => [bundle.name, bundle]));
  const asked = new URLSearchParams(location.search).get("bundle");
  const { name, address, prefix } = bundles[asked ?? ""] ?? settings.bundles[0];
  const bundle = new URL(address, location.href);
  /** @type {Manifest} */
  const manifest = await (await get(new URL("manifest.json", bundle))).json();
  const { engine, where, privacy } = await engineFor(settings, manifest, bundle, prefix);
  const page = new Page(manifest, engine, where);
  const heads = Object.keys(manifest.heads);
  offer("Bundle", Object.keys(bundles), name, (other) => { location.search = new URLSearchParams({ bundle: other }).toString(); });
  offer("Head", heads, heads[0], (head) => page.use(head));
  byId("privacy").textContent = privacy;
  byId("stuck").hidden = true;
  byId("content").hidden = false;
  page.use(heads[0]);
  page.addPickers(await samplesOf(bundle));
}

// a file that misses its card would replace the page
for (const event of ["dragover", "drop"]) document.addEventListener(event, (missed) => missed.preventDefault());
start().catch(fail);
