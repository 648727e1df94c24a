/** Picture files in, pictures on the page out. */

import { middle, resize, toChannels, toFloats } from "./resize.js";

/** @typedef {import("./resize.js").Pixels} Pixels */

const MOST_BYTES = 25 * 2 ** 20;
const MOST_PIXELS = 40e6;

/** What is wrong with a file, in words for the person who chose it. */
export class PictureError extends Error {}

/**
 * Read a picture file as the model's `encode` takes it: turned upright, on white where it is transparent, the middle
 * of it, resized, in the model's channels.
 *
 * @param {File} file
 * @param {number[]} image `[channels, height, width]`
 * @returns {Promise<Float32Array>} Channels first, in [0, 1].
 */
export async function readPicture(file, [channels, height, width]) {
  if (!file.size) throw new PictureError(`“${file.name}” is empty. Choose another file.`);
  if (file.size > MOST_BYTES) {
    const size = (file.size / 2 ** 20).toFixed(0);
    throw new PictureError(`“${file.name}” is too large: ${size} MB, and at most ${MOST_BYTES / 2 ** 20} MB can be read.`);
  }
  const whole = await decoded(file);
  const box = middle(whole.width, whole.height, width, height);
  return toFloats(toChannels(resize(whole, width, height, box), channels));
}

/**
 * @param {File} file
 * @returns {Promise<Pixels>} Red, green and blue.
 */
async function decoded(file) {
  const bitmap = await bitmapOf(file);
  try {
    const { width, height } = bitmap;
    if (width * height > MOST_PIXELS) {
      throw new PictureError(`“${file.name}” is too large: ${width} × ${height} pixels. Shrink it below ${MOST_PIXELS / 1e6} million pixels first.`);
    }
    return withoutAlpha(onWhite(bitmap), width, height);
  } finally {
    bitmap.close();
  }
}

/** @param {File} file */
async function bitmapOf(file) {
  try {
    // turned upright by default; no colour management: the model was trained on the numbers in the file
    return await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new PictureError(`“${file.name}” is not a picture this browser can read. Choose a PNG, JPEG, WebP or BMP file.`);
  }
}

/**
 * @param {ImageBitmap} bitmap
 * @returns {Uint8ClampedArray} Red, green, blue, and alpha that is 255 everywhere.
 */
function onWhite(bitmap) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  if (!context) throw new PictureError("This browser has no room left for a picture of this size.");
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height).data;
}

/**
 * @param {Uint8ClampedArray} pixels
 * @param {number} width
 * @param {number} height
 * @returns {Pixels}
 */
function withoutAlpha(pixels, width, height) {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0, j = 0; i < pixels.length; i += 4) {
    data[j++] = pixels[i];
    data[j++] = pixels[i + 1];
    data[j++] = pixels[i + 2];
  }
  return { data, width, height, channels: 3 };
}

/**
 * Paint a picture on a canvas, at a place of a grid of pictures of its size.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Float32Array} picture Channels first, in [0, 1].
 * @param {number[]} image `[channels, height, width]`
 * @param {number} [column]
 * @param {number} [line]
 */
export function paint(canvas, picture, [channels, height, width], column = 0, line = 0) {
  const area = width * height;
  const data = new ImageData(width, height);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) data.data[4 * i + c] = 255 * picture[(channels === 3 ? c * area : 0) + i];
    data.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d")?.putImageData(data, column * width, line * height);
}
