/** Choosing a picture: a file, a file dropped, or a sample of the bundle. */

import { element } from "./dom.js";
import { paint, PictureError, readPicture } from "./pictures.js";

/**
 * @typedef {{
 *   letter: string,
 *   image: number[],
 *   samples: Float32Array[],
 *   onpicture: (picture: Float32Array) => void,
 * }} PickerOptions
 */

/** A card with one of the two pictures and the ways to choose another. */
export class Picker {
  /** @param {PickerOptions} options */
  constructor({ letter, image, samples, onpicture }) {
    this.letter = letter;
    this.image = image;
    this.samples = samples;
    this.onpicture = onpicture;
    this.choices = 0;
    this.canvas = element("canvas", { width: image[2], height: image[1], role: "img", class: image[2] <= 96 ? "picture crisp" : "picture" });
    this.caption = element("figcaption", { class: "quiet" });
    this.problem = element("p", { role: "alert", class: "problem", hidden: true });
    this.file = element("input", { type: "file", id: `file-${letter}`, accept: "image/png,image/jpeg,image/webp,image/bmp", onchange: () => this.#choose(this.file.files) });
    this.buttons = samples.map((sample, i) => this.#sampleButton(sample, i));
    this.element = this.#build();
  }

  /**
   * Take a sample.
   *
   * @param {number} i
   */
  take(i) {
    this.file.value = "";
    this.#show(this.samples[i], `sample ${i + 1}`, i);
  }

  #build() {
    const label = element("label", { for: this.file.id, class: "drop" }, "Choose a file", element("span", { class: "dropping-too" }, ", or drop one here"));
    const card = element("section", { class: "card", "aria-label": `Picture ${this.letter}` },
      element("h3", {}, `Picture ${this.letter}`),
      element("figure", {}, this.canvas, this.caption),
      this.file, label, this.problem,
    );
    if (this.buttons.length) {
      card.append(element("div", { class: "samples", role: "group", "aria-label": `Samples for picture ${this.letter}` }, ...this.buttons));
    }
    this.#acceptDrops(card);
    return card;
  }

  /**
   * @param {Float32Array} sample
   * @param {number} i
   */
  #sampleButton(sample, i) {
    const canvas = element("canvas", { width: this.image[2], height: this.image[1], "aria-hidden": "true" });
    paint(canvas, sample, this.image);
    return element("button", { type: "button", "aria-pressed": "false", "aria-label": `Sample ${i + 1} as picture ${this.letter}`, onclick: () => this.take(i) }, canvas);
  }

  /** @param {HTMLElement} card */
  #acceptDrops(card) {
    let depth = 0; // entering a child comes before leaving its parent
    const mark = (/** @type {number} */ change) => {
      depth = change ? Math.max(depth + change, 0) : 0;
      card.classList.toggle("dropping", depth > 0);
    };
    card.addEventListener("dragenter", () => mark(1));
    card.addEventListener("dragleave", () => mark(-1));
    card.addEventListener("dragover", (event) => event.preventDefault());
    card.addEventListener("drop", (event) => {
      event.preventDefault();
      mark(0);
      this.#choose(event.dataTransfer?.files);
    });
  }

  /** @param {FileList | null | undefined} files */
  async #choose(files) {
    if (!files?.length) return;
    const choice = ++this.choices;
    try {
      const picture = await readPicture(files[0], this.image);
      if (choice === this.choices) this.#show(picture, files[0].name, -1);
    } catch (error) {
      if (choice === this.choices) this.#refuse(files[0].name, error);
    }
  }

  /**
   * @param {string} name
   * @param {unknown} error
   */
  #refuse(name, error) {
    const words = error instanceof PictureError ? error.message : `“${name}” cannot be read: ${error}.`;
    this.problem.textContent = `${words} Picture ${this.letter} stays as it was.`;
    this.problem.hidden = false;
    this.file.value = ""; // so that the same file can be chosen again
  }

  /**
   * @param {Float32Array} picture
   * @param {string} name
   * @param {number} sample Which one it is, or -1.
   */
  #show(picture, name, sample) {
    this.choices++; // a file that is still being read comes too late
    this.problem.hidden = true;
    this.buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === sample)));
    paint(this.canvas, picture, this.image);
    this.canvas.setAttribute("aria-label", `Picture ${this.letter} as the model sees it: ${name}`);
    this.caption.textContent = name;
    this.onpicture(picture);
  }
}
