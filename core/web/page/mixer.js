/** Two sliders between the contents and the styles of two pictures, and a map of where they can go. */

import { element, latestOnly } from "./dom.js";
import { mix } from "./model.js";
import { paint } from "./pictures.js";
import { between, capital, names } from "./words.js";

/** @typedef {import("./model.js").Factors} Factors */
/** @typedef {import("./model.js").Model} Model */

/** Pictures along one side of the map. */
const STEPS = 5;
const FINEST = 100;

/** The sliders, the picture they make, and the map. */
export class Mixer {
  /** @type {[Factors, Factors] | null} */
  #pair = null;

  /**
   * @param {Model} model
   * @param {HTMLElement} home
   * @param {(work: Promise<void>) => Promise<void>} watch Says what goes wrong.
   */
  constructor(model, home, watch) {
    this.model = model;
    this.names = names(model.factors);
    const [, height, width] = model.image;
    const crisp = width <= 96 ? "picture crisp" : "picture";
    this.mixed = element("canvas", { width, height, role: "img", class: crisp, id: "mix" });
    this.caption = element("figcaption", {});
    this.map = element("canvas", { width: STEPS * width, height: STEPS * height, role: "img", class: crisp, id: "map",
      "aria-label": `Map: ${this.names.content} changes from A at the top to B at the bottom, ${this.names.style} from A on the left to B on the right` });
    this.marker = element("div", { class: "marker", "aria-hidden": "true" });
    this.content = this.#slider("content");
    this.style = this.#slider("style");
    this.#build(home);
    const draw = latestOnly(() => this.#mix());
    this.refresh = () => watch(draw());
    this.#say();
  }

  /**
   * Go between two other pictures.
   *
   * @param {Factors} first
   * @param {Factors} second
   */
  async update(first, second) {
    this.#pair = [first, second];
    await this.refresh();
    const pair = this.#pair;
    for (let line = 0; line < STEPS && pair === this.#pair; line++) await this.#paintLine(pair, line);
  }

  /** @param {HTMLElement} home */
  #build(home) {
    const frame = element("div", { class: "map", onpointerdown: (/** @type {PointerEvent} */ event) => this.#follow(event), onpointermove: (/** @type {PointerEvent} */ event) => event.buttons && this.#follow(event) }, this.map, this.marker);
    home.replaceChildren(
      element("div", { class: "card" },
        element("figure", {}, this.mixed, this.caption),
        ...this.#labelled("content", this.content), ...this.#labelled("style", this.style)),
      element("div", { class: "card" },
        element("figure", {}, frame, element("figcaption", { class: "quiet" },
          `${capital(this.names.content)} changes downwards, ${this.names.style} to the right. Press anywhere to go there.`))),
    );
  }

  /** @param {"content" | "style"} side */
  #slider(side) {
    return element("input", { type: "range", id: `slider-${side}`, min: 0, max: FINEST, value: FINEST / 2, oninput: () => { this.#say(); this.refresh(); } });
  }

  /**
   * @param {"content" | "style"} side
   * @param {HTMLElement} slider
   */
  #labelled(side, slider) {
    return [element("label", { for: slider.id }, capital(this.names[side])), element("div", { class: "slider" }, "A", slider, "B")];
  }

  get #weights() {
    return [Number(this.content.value) / FINEST, Number(this.style.value) / FINEST];
  }

  /** Put in words, and on the map, where the sliders stand. */
  #say() {
    const [a, b] = this.#weights;
    this.content.setAttribute("aria-valuetext", between(a));
    this.style.setAttribute("aria-valuetext", between(b));
    this.caption.textContent = `${capital(this.names.content)}: ${between(a)}. ${capital(this.names.style)}: ${between(b)}.`;
    this.mixed.setAttribute("aria-label", `Mixed picture. ${this.caption.textContent}`);
    // the middle of the first picture of the map is all A, that of the last all B
    const place = (/** @type {number} */ weight) => `${(100 * (0.5 + weight * (STEPS - 1))) / STEPS}%`;
    [this.marker.style.top, this.marker.style.left] = [place(a), place(b)];
  }

  async #mix() {
    if (!this.#pair) return;
    const [a, b] = this.#weights;
    const picture = await this.model.entangle([mix(this.model.factors, ...this.#pair, a, b)]);
    paint(this.mixed, picture.data, this.model.image);
  }

  /**
   * @param {[Factors, Factors]} pair
   * @param {number} line
   */
  async #paintLine(pair, line) {
    const at = (/** @type {number} */ i) => i / (STEPS - 1);
    const sets = Array.from({ length: STEPS }, (_, column) => mix(this.model.factors, ...pair, at(line), at(column)));
    const { data } = await this.model.entangle(sets);
    const size = data.length / STEPS;
    sets.forEach((_, column) => paint(this.map, data.subarray(column * size, (column + 1) * size), this.model.image, column, line));
  }

  /** @param {PointerEvent} event */
  #follow(event) {
    const frame = this.map.getBoundingClientRect();
    const weight = (/** @type {number} */ part) => Math.round(FINEST * Math.min(Math.max((part * STEPS - 0.5) / (STEPS - 1), 0), 1));
    this.content.value = String(weight((event.clientY - frame.top) / frame.height));
    this.style.value = String(weight((event.clientX - frame.left) / frame.width));
    this.#say();
    this.refresh();
  }
}
