/**
 * Pictures to pixels as Python makes them: the middle of the picture, resized bilinearly, averaging over what a smaller
 * picture loses. Numbers are rounded where Pillow rounds them, which gives its bytes: across first, then down. For
 * pictures that shrink much more in height Pillow may go the other way round, and be one step in 255 from this.
 */

/** @typedef {{data: Uint8Array | Uint8ClampedArray, width: number, height: number, channels: number}} Pixels channels last */
/** @typedef {[left: number, top: number, right: number, bottom: number]} Box */

const PRECISION = 22; // bits behind the point of a weight; a weight, a byte and rounding fit into 32 bits

/**
 * Give the largest box in the middle of a picture that has the shape of the target.
 *
 * @param {number} width
 * @param {number} height
 * @param {number} toWidth
 * @param {number} toHeight
 * @returns {Box}
 */
export function middle(width, height, toWidth, toHeight) {
  const ratio = toWidth / toHeight;
  let [keptWidth, keptHeight] = [width, height];
  if (width / height > ratio) keptWidth = ratio * height;
  else if (width / height < ratio) keptHeight = width / ratio;
  const [left, top] = [(width - keptWidth) / 2, (height - keptHeight) / 2];
  return [left, top, left + keptWidth, top + keptHeight];
}

/**
 * Resize a box of a picture.
 *
 * @param {Pixels} pixels
 * @param {number} width
 * @param {number} height
 * @param {Box} [box] The whole picture by default.
 * @returns {Pixels}
 */
export function resize(pixels, width, height, box = [0, 0, pixels.width, pixels.height]) {
  const [left, top, right, bottom] = box.map(Math.fround);
  const columns = weights(pixels.width, left, right, width);
  const rows = weights(pixels.height, top, bottom, height);
  return down(across(pixels, columns), rows);
}

/**
 * Make a picture of one channel or of three.
 *
 * @param {Pixels} pixels Of 3 channels.
 * @param {number} channels
 * @returns {Pixels}
 */
export function toChannels(pixels, channels) {
  if (channels === pixels.channels) return pixels;
  if (channels !== 1) throw new Error(`pictures of ${channels} channels cannot be made from files`);
  const grey = new Uint8Array(pixels.width * pixels.height);
  for (let i = 0; i < grey.length; i++) {
    const [r, g, b] = [pixels.data[3 * i], pixels.data[3 * i + 1], pixels.data[3 * i + 2]];
    grey[i] = (19595 * r + 38470 * g + 7471 * b + 32768) >> 16; // ITU-R 601 luma
  }
  return { ...pixels, data: grey, channels: 1 };
}

/**
 * Give pixels as a graph takes them: channels first, floats in [0, 1].
 *
 * @param {Pixels} pixels
 * @returns {Float32Array}
 */
export function toFloats({ data, width, height, channels }) {
  const area = width * height;
  const floats = new Float32Array(channels * area);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < channels; c++) floats[c * area + i] = data[i * channels + c] / 255;
  }
  return floats;
}

/** @typedef {{start: number, values: Int32Array}} Weights of the pixels that make one new pixel */

/**
 * @param {number} size
 * @param {number} from
 * @param {number} to
 * @param {number} newSize
 * @returns {Weights[]}
 */
function weights(size, from, to, newSize) {
  if (newSize === size && from === 0 && to === size) return unchanged(size);
  const scale = Math.fround(to - from) / newSize;
  const reach = Math.max(scale, 1);
  return Array.from({ length: newSize }, (_, i) => {
    const centre = from + (i + 0.5) * scale;
    const start = Math.max(Math.trunc(centre - reach + 0.5), 0);
    const end = Math.min(Math.trunc(centre + reach + 0.5), size);
    return { start, values: wholeNumbers(triangle(start, end, centre, 1 / reach)) };
  });
}

/**
 * @param {number} size
 * @returns {Weights[]}
 */
function unchanged(size) {
  return Array.from({ length: size }, (_, start) => ({ start, values: Int32Array.of(1 << PRECISION) }));
}

/**
 * @param {number} start
 * @param {number} end
 * @param {number} centre
 * @param {number} slope
 * @returns {number[]} They sum to 1.
 */
function triangle(start, end, centre, slope) {
  const values = Array.from({ length: end - start }, (_, i) => Math.max(1 - Math.abs((i + start - centre + 0.5) * slope), 0));
  const sum = values.reduce((a, b) => a + b, 0);
  return values.map((value) => (sum ? value / sum : value));
}

/**
 * @param {number[]} values
 * @returns {Int32Array}
 */
function wholeNumbers(values) {
  return Int32Array.from(values, (value) => Math.trunc(0.5 + value * (1 << PRECISION)));
}

/**
 * @param {number} sum
 * @returns {number}
 */
function rounded(sum) {
  return Math.min(Math.max((sum + (1 << (PRECISION - 1))) >> PRECISION, 0), 255);
}

/**
 * @param {Pixels} pixels
 * @param {Weights[]} columns
 * @returns {Pixels}
 */
function across({ data, width, height, channels }, columns) {
  const out = new Uint8Array(height * columns.length * channels);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (const { start, values } of columns) {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        let from = (y * width + start) * channels + c;
        for (let k = 0; k < values.length; k++, from += channels) sum += data[from] * values[k];
        out[at++] = rounded(sum);
      }
    }
  }
  return { data: out, width: columns.length, height, channels };
}

/**
 * @param {Pixels} pixels
 * @param {Weights[]} rows
 * @returns {Pixels}
 */
function down({ data, width, channels }, rows) {
  const line = width * channels;
  const out = new Uint8Array(rows.length * line);
  rows.forEach(({ start, values }, y) => {
    for (let x = 0; x < line; x++) {
      let sum = 0;
      for (let k = 0; k < values.length; k++) sum += data[(start + k) * line + x] * values[k];
      out[y * line + x] = rounded(sum);
    }
  });
  return { data: out, width, height: rows.length, channels };
}
