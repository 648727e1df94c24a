/** The four combinations of two pictures: both put together again, and both swapped. */

import { element } from "./dom.js";
import { paint } from "./pictures.js";
import { mix } from "./model.js";
import { capital, names } from "./words.js";

/** @typedef {import("./model.js").Factors} Factors */
/** @typedef {import("./model.js").Model} Model */

const LETTERS = ["A", "B"];

/** A table of content by style. */
export class Swaps {
  /**
   * @param {Model} model
   * @param {HTMLElement} home
   */
  constructor(model, home) {
    this.model = model;
    const { content, style } = names(model.factors);
    const [, height, width] = model.image;
    this.cells = LETTERS.flatMap((a) => LETTERS.map((b) => {
      const text = a === b ? `${a} put together again` : `${capital(content)} of ${a}, ${style} of ${b}`;
      const canvas = element("canvas", { width, height, role: "img", class: width <= 96 ? "picture crisp" : "picture", "aria-label": text, id: `swap-${a}${b}` });
      return { canvas, figure: element("figure", { class: a === b ? "same" : "swap" }, canvas, element("figcaption", {}, text)) };
    }));
    home.replaceChildren(...this.cells.map(({ figure }) => figure));
  }

  /**
   * @param {Factors} first
   * @param {Factors} second
   */
  async update(first, second) {
    const ends = [[0, 0], [0, 1], [1, 0], [1, 1]];
    const sets = ends.map(([a, b]) => mix(this.model.factors, first, second, a, b));
    const pictures = await this.model.entangle(sets);
    const size = pictures.data.length / ends.length;
    this.cells.forEach(({ canvas }, i) => paint(canvas, pictures.data.subarray(i * size, (i + 1) * size), this.model.image));
  }
}
