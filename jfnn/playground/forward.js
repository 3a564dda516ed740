// The forward pass of a network, layer by layer.
//
// A network is the JSON of `described` in networks.py in this folder. The weights of one member are a flat
// vector; the description has the offset of each array. Arrays are flat and in C order, as in NumPy. Weights are
// float32; all sums are float64.

"use strict";

/**
 * @typedef {{offset: number, shape: number[]}} Place  Position of an array in the vector of weights.
 * @typedef {{kind: string, shape: number[], weights: Object<string, Place>, [field: string]: any}} Layer
 *   `shape` is the output shape for one row; other fields depend on the kind. Not all kinds have weights.
 * @typedef {(inputs: Float64Array, corner: number, entries: Int32Array) => number} Summary  Reduces a window, given
 *   the inputs, the position of its first entry, and all entries' offsets from it.
 * @typedef {(p: Float64Array, q: Float64Array, h: Float64Array, c: Float64Array) => void} Advance  A step of a
 *   recurrent layer for one row, see `recurrent`.
 * @typedef {{shape: number[], tokens: number | null, layers: Layer[], parameters: number,
 *   answers: {kind: string, links: string[]}}} Network
 */

/**
 * Activations f(z) by name, as in jfnn/activations.py. NaN gives NaN, and nothing overflows.
 * @type {Object<string, (z: number) => number>}
 */
const ACTIVATIONS = {
  sigmoid: (z) => 1 / (1 + Math.exp(-z)),
  relu: (z) => Math.max(z, 0),
  tanh: (z) => 1 - 2 / (1 + Math.exp(2 * z)), // twice as fast as Math.tanh, and accurate enough for float64 sums
  elu: (z) => (z > 0 ? z : Math.expm1(z)),
  leaky_relu: (z) => (z >= 0 ? z : 0.01 * z),
  softplus: (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))),
  gelu: (z) => 0.5 * z * erfc(-z * Math.SQRT1_2),
  erf: (z) => 1 - erfc(z),
  sin: Math.sin,
  identity: (z) => z,
};

// erfc(x) = t exp(-x² + P(2t - 1)) with t = 2 / (2 + x) and x >= 0. P is the polynomial of degree 16 that
// interpolates log(erfcx(x) / t) at Chebyshev points. The error of erfc is below 1e-11.
const ERFC = [
  -0.671794084064, 0.672643223956, 0.0473433080195, -0.0468956094855, -0.00987272115314, 0.00882493328198,
  0.00175926491514, -0.00234582584032, -0.000147984649336, 0.00067396035478, -8.85831785043e-5,
  -0.000175587764264, 6.23428305171e-5, 3.46923869812e-5, -2.07655233569e-5, -3.72515104847e-6,
  3.16106735292e-6,
];

/**
 * The complementary error function, 2/√π times the integral of exp(-t²) from x to infinity.
 * @param {number} x
 * @returns {number}
 */
function erfc(x) {
  const size = Math.abs(x);
  const t = 2 / (2 + size);
  let sum = 0;
  for (let i = ERFC.length - 1; i >= 0; i--) sum = sum * (2 * t - 1) + ERFC[i];
  const tail = t * Math.exp(sum - size * size);
  return x < 0 ? 2 - tail : tail;
}

/**
 * The product of the entries of a shape.
 * @param {number[]} shape
 * @returns {number}
 */
function sizeOf(shape) {
  return shape.reduce((product, length) => product * length, 1);
}

/**
 * Replaces every z by f(z).
 * @param {Float64Array} values
 * @param {string} name
 * @returns {Float64Array} the same array
 */
function activate(values, name) {
  const f = ACTIVATIONS[name];
  for (let i = 0; i < values.length; i++) values[i] = f(values[i]);
  return values;
}

/**
 * z += a w, a matrix product.
 *
 * Each entry of a is read once for four columns, which halves the time.
 * @param {Float64Array} z  `[rows, columns]`
 * @param {Float64Array} a  `[rows, n]`
 * @param {Float64Array} w  `[n, columns]`
 * @param {number} rows
 * @param {number} columns
 */
function addProduct(z, a, w, rows, columns) {
  const n = a.length / rows;
  for (let row = 0; row < rows; row++) {
    const first = row * n;
    const out = row * columns;
    let column = 0;
    for (; column + 4 <= columns; column += 4) {
      let z0 = z[out + column];
      let z1 = z[out + column + 1];
      let z2 = z[out + column + 2];
      let z3 = z[out + column + 3];
      for (let i = 0, at = column; i < n; i++, at += columns) {
        const entry = a[first + i];
        z0 += entry * w[at];
        z1 += entry * w[at + 1];
        z2 += entry * w[at + 2];
        z3 += entry * w[at + 3];
      }
      z[out + column] = z0;
      z[out + column + 1] = z1;
      z[out + column + 2] = z2;
      z[out + column + 3] = z3;
    }
    for (; column < columns; column++) {
      let sum = z[out + column];
      for (let i = 0; i < n; i++) sum += a[first + i] * w[i * columns + column];
      z[out + column] = sum;
    }
  }
}

/**
 * One array of the weights.
 * @param {Float32Array} weights
 * @param {Place} place
 * @returns {Float64Array}
 */
function arrayAt(weights, { offset, shape }) {
  return new Float64Array(weights.subarray(offset, offset + sizeOf(shape)));
}

/**
 * The pre-activations z = a w + b of each row; z = a w without b.
 * @param {Float32Array} weights
 * @param {Place} w  `[n_in, n_out]`
 * @param {Place | undefined} b  `[n_out]`
 * @param {Float64Array} a  `[rows, n_in]`
 * @param {number} rows
 * @returns {Float64Array} `[rows, n_out]`
 */
function affine(weights, w, b, a, rows) {
  const units = w.shape[1];
  const z = new Float64Array(rows * units);
  if (b) {
    const biases = arrayAt(weights, b);
    for (let row = 0; row < rows; row++) z.set(biases, row * units);
  }
  addProduct(z, a, arrayAt(weights, w), rows, units);
  return z;
}

/**
 * Channels and lengths of two axes; a sequence `[channels, length]` is an image of height 1.
 * @param {number[]} shape
 * @returns {number[]} `[channels, height, width]`
 */
function imageShape(shape) {
  return shape.length === 2 ? [shape[0], 1, shape[1]] : shape;
}

/**
 * The windows of a layer on two axes, and the padded inputs.
 * @param {Layer} layer
 * @param {Float64Array} a  `[rows, ...shape]`
 * @param {number} rows
 * @param {number[]} shape  `[channels, length]` or `[channels, height, width]`
 * @param {number} fill  value of the padding
 * @returns {{padded: Float64Array, channels: number, plane: number, entries: Int32Array, corners: Int32Array}}
 *   The images `[rows, channels, plane]`; and the positions in a plane of the first window's entries and of all
 *   windows' first entries, in C order.
 */
function slide(layer, a, rows, shape, fill) {
  /** @type {(name: string, missing: any) => any[]} */
  const axis = (name, missing) => {
    const lengths = layer.windows[name];
    return lengths.length === 1 ? [missing, ...lengths] : lengths;
  };
  const [[top, bottom], [left, right]] = axis("padding", [0, 0]);
  const [strideDown, strideRight] = axis("stride", 1);
  const [stepDown, stepRight] = axis("dilation", 1);
  const [tall, wide] = axis("size", 1);
  const [channels, height, width] = imageShape(shape);
  const [, down, across] = imageShape(layer.shape);
  const paddedWidth = left + width + right;
  const plane = (top + height + bottom) * paddedWidth;
  const padded = new Float64Array(rows * channels * plane).fill(fill);
  for (let image = 0; image < rows * channels; image++) {
    for (let i = 0; i < height; i++) {
      const from = (image * height + i) * width;
      padded.set(a.subarray(from, from + width), image * plane + (top + i) * paddedWidth + left);
    }
  }
  const entries = grid(tall, stepDown * paddedWidth, wide, stepRight);
  const corners = grid(down, strideDown * paddedWidth, across, strideRight);
  return { padded, channels, plane, entries, corners };
}

/**
 * The positions i · down + j · right for rows i < height and columns j < width, row by row.
 * @param {number} height
 * @param {number} down
 * @param {number} width
 * @param {number} right
 * @returns {Int32Array} `[height, width]`
 */
function grid(height, down, width, right) {
  return Int32Array.from(
    { length: height * width },
    (_, k) => Math.floor(k / width) * down + (k % width) * right,
  );
}

/**
 * Reduces each window of each channel to one number.
 * @param {Layer} layer
 * @param {Float64Array} a  `[rows, ...shape]`
 * @param {number} rows
 * @param {number[]} shape
 * @param {number} fill  value of the padding
 * @param {Summary} summary
 * @returns {Float64Array} `[rows, channels, windows]`
 */
function pool(layer, a, rows, shape, fill, summary) {
  const { padded, channels, plane, entries, corners } = slide(layer, a, rows, shape, fill);
  const windows = corners.length;
  const pooled = new Float64Array(rows * channels * windows);
  for (let image = 0; image < rows * channels; image++) {
    for (let i = 0; i < windows; i++) {
      pooled[image * windows + i] = summary(padded, image * plane + corners[i], entries);
    }
  }
  return pooled;
}

/**
 * A view of one part of an array that is divided into parts of equal size.
 * @param {Float64Array} array
 * @param {number} number
 * @param {number} size
 */
function part(array, number, size) {
  return array.subarray(number * size, (number + 1) * size);
}

/**
 * Runs a cell over the time steps of each row, in one direction or in both, with their units side by side.
 *
 * At each step p = x_t w_x + b_x and q = h_{t-1} w_h + b_h have `units` numbers for each gate, gate by gate. For
 * one row, `advance` replaces the state h, and the memory c of an LSTM, by the next one.
 * @param {Layer} layer
 * @param {Float32Array} weights
 * @param {Float64Array} a  `[rows, time, features]`
 * @param {number} rows
 * @param {number[]} shape
 * @param {Advance} advance
 * @returns {Float64Array} `[rows, units]`, or `[rows, time, units]`; twice the units if bidirectional
 */
function recurrent(layer, weights, a, rows, [time, features], advance) {
  const units = layer.units;
  const endings = layer.bidirectional ? ["_forward", "_backward"] : [""];
  const width = units * endings.length;
  const all = layer.states === "all";
  const outputs = new Float64Array(rows * (all ? time : 1) * width);
  const lengths = realLengths(layer, a, rows, time, features);
  endings.forEach((ending, direction) => {
    /** @type {(name: string) => Place} */
    const place = (name) => layer.weights[name + ending];
    const p = affine(weights, place("w_x"), place("b") || place("b_x"), a, rows * time);
    const gates = place("w_h").shape[1];
    const h = new Float64Array(rows * units);
    const c = new Float64Array(rows * units);
    for (let step = 0; step < time; step++) {
      const t = direction ? time - 1 - step : step;
      const q = affine(weights, place("w_h"), place("b_h"), h, rows);
      for (let row = 0; row < rows; row++) {
        if (t >= lengths[row]) continue;
        const state = part(h, row, units);
        advance(part(p, row * time + t, gates), part(q, row, gates), state, part(c, row, units));
        if (all) outputs.set(state, (row * time + t) * width + direction * units);
      }
    }
    if (all) return;
    for (let row = 0; row < rows; row++) {
      outputs.set(part(h, row, units), row * width + direction * units);
    }
  });
  return outputs;
}

/**
 * The length of each row's sequence; if padded, up to the last step with a nonzero feature.
 * @param {Layer} layer
 * @param {Float64Array} a  `[rows, time, features]`
 * @param {number} rows
 * @param {number} time
 * @param {number} features
 * @returns {number[]} `[rows]`
 */
function realLengths(layer, a, rows, time, features) {
  const lengths = new Array(rows).fill(time);
  if (!layer.padded) return lengths;
  return lengths.map((length, row) => {
    let last = (row + 1) * time * features;
    while (last > row * time * features && a[last - 1] === 0) last--;
    return Math.ceil((last - row * time * features) / features);
  });
}

/**
 * The layers by kind: (layer, weights, inputs `[rows, ...shape]`, rows, shape) -> outputs `[rows, ...]`.
 * @type {Object<string, (layer: Layer, weights: Float32Array, a: Float64Array, rows: number, shape: number[]) =>
 *   Float64Array>}
 */
const LAYERS = {
  /** a = f(a_in w + b) */
  dense(layer, weights, a, rows) {
    const { w, b } = layer.weights;
    return activate(affine(weights, w, b, a, rows), layer.activation);
  },

  /**
   * z[o] = Σ w[o, c, u, v] a[c, at entry u, v of the window] + b[o], of each window; f(z)
   *
   * For each row, the product of w `[filters, channels × entries]` and the inputs that the windows read.
   */
  conv(layer, weights, a, rows, shape) {
    const { padded, channels, plane, entries, corners } = slide(layer, a, rows, shape, 0);
    const kernels = arrayAt(weights, layer.weights.w);
    const biases = arrayAt(weights, layer.weights.b);
    const filters = biases.length;
    const windows = corners.length;
    const read = new Float64Array(channels * entries.length * windows);
    const z = new Float64Array(rows * filters * windows);
    for (let row = 0; row < rows; row++) {
      for (let k = 0; k < channels * entries.length; k++) {
        const channel = Math.floor(k / entries.length);
        const from = (row * channels + channel) * plane + entries[k % entries.length];
        for (let i = 0; i < windows; i++) read[k * windows + i] = padded[from + corners[i]];
      }
      const outputs = part(z, row, filters * windows);
      biases.forEach((bias, filter) => outputs.fill(bias, filter * windows, (filter + 1) * windows));
      addProduct(outputs, kernels, read, filters, windows);
    }
    return activate(z, layer.activation);
  },

  /** The maximum of each window; padding counts as -∞. */
  max_pool(layer, weights, a, rows, shape) {
    return pool(layer, a, rows, shape, -Infinity, (inputs, corner, entries) => {
      let largest = -Infinity;
      for (let k = 0; k < entries.length; k++) largest = Math.max(largest, inputs[corner + entries[k]]);
      return largest;
    });
  },

  /** The mean of each window; padding counts as zeros. */
  mean_pool(layer, weights, a, rows, shape) {
    return pool(layer, a, rows, shape, 0, (inputs, corner, entries) => {
      let sum = 0;
      for (let k = 0; k < entries.length; k++) sum += inputs[corner + entries[k]];
      return sum / entries.length;
    });
  },

  /** Flattens all axes of a row, which are contiguous already. */
  flatten(layer, weights, a) {
    return a;
  },

  /** scale (a - mean) / √(variance + ε) + shift, over groups of as many numbers as there are scales */
  layer_norm(layer, weights, a) {
    const { scale, shift } = layer.weights;
    const n = scale.shape[0];
    const outputs = new Float64Array(a.length);
    for (let first = 0; first < a.length; first += n) {
      const group = a.subarray(first, first + n);
      const mean = group.reduce((sum, value) => sum + value, 0) / n;
      const variance = group.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n;
      const rate = 1 / Math.sqrt(variance + layer.epsilon);
      for (let i = 0; i < n; i++) {
        const normal = rate * (group[i] - mean);
        outputs[first + i] = weights[scale.offset + i] * normal + weights[shift.offset + i];
      }
    }
    return outputs;
  },

  /** a + f(a), where f are the inner layers */
  residual(layer, weights, a, rows, shape) {
    const inner = sequence(layer.layers, weights, a, rows, shape);
    return inner.map((value, i) => a[i] + value);
  },

  /** Row w[token] of a table for each token; zeros for the padding token */
  embedding(layer, weights, tokens) {
    const { w } = layer.weights;
    const features = w.shape[1];
    const outputs = new Float64Array(tokens.length * features);
    tokens.forEach((token, number) => {
      if (token === layer.padding) return;
      const from = w.offset + token * features;
      outputs.set(weights.subarray(from, from + features), number * features);
    });
    return outputs;
  },

  /** h = f(p + q) */
  elman(layer, weights, a, rows, shape) {
    const f = ACTIVATIONS[layer.activation];
    return recurrent(layer, weights, a, rows, shape, (p, q, h) => {
      for (let k = 0; k < h.length; k++) h[k] = f(p[k] + q[k]);
    });
  },

  /** Gates r, u and candidate c: h = (1 - u) c + u h, where r multiplies the candidate's part of q. */
  gru(layer, weights, a, rows, shape) {
    const { sigmoid, tanh } = ACTIVATIONS;
    const n = layer.units;
    return recurrent(layer, weights, a, rows, shape, (p, q, h) => {
      for (let k = 0; k < n; k++) {
        const r = sigmoid(p[k] + q[k]);
        const u = sigmoid(p[k + n] + q[k + n]);
        const c = tanh(p[k + 2 * n] + r * q[k + 2 * n]);
        h[k] = c + u * (h[k] - c);
      }
    });
  },

  /** Gates i, f, o and candidate e: c = f c + i e, h = o tanh(c) */
  lstm(layer, weights, a, rows, shape) {
    const { sigmoid, tanh } = ACTIVATIONS;
    const n = layer.units;
    return recurrent(layer, weights, a, rows, shape, (p, q, h, c) => {
      for (let k = 0; k < n; k++) {
        const i = sigmoid(p[k] + q[k]);
        const f = sigmoid(p[k + n] + q[k + n]);
        const e = tanh(p[k + 2 * n] + q[k + 2 * n]);
        const o = sigmoid(p[k + 3 * n] + q[k + 3 * n]);
        c[k] = f * c[k] + i * e;
        h[k] = o * tanh(c[k]);
      }
    });
  },
};

/**
 * Converts outputs `[rows, n]` in place to predictions, as determined by the loss.
 * @type {Object<string, (outputs: Float64Array, rows: number, answers: Network["answers"]) => void>}
 */
const ANSWERS = {
  /** P_c = e^{z_c} / Σ e^z; subtracting the largest z prevents overflow. */
  softmax(outputs, rows) {
    const n = outputs.length / rows;
    for (let first = 0; first < outputs.length; first += n) {
      let largest = -Infinity;
      for (let j = 0; j < n; j++) largest = Math.max(largest, outputs[first + j]);
      let total = 0;
      for (let j = 0; j < n; j++) {
        outputs[first + j] = Math.exp(outputs[first + j] - largest);
        total += outputs[first + j];
      }
      for (let j = 0; j < n; j++) outputs[first + j] /= total;
    }
  },
  /** A probability of each output. */
  sigmoid(outputs) {
    activate(outputs, "sigmoid");
  },
  /** The first outputs of all targets, then the second outputs, …, each with its link. */
  numbers(outputs, rows, answers) {
    const n = outputs.length / rows;
    const targets = n / answers.links.length;
    for (let i = 0; i < outputs.length; i++) {
      const link = LINKS[answers.links[Math.floor((i % n) / targets)]];
      outputs[i] = link(outputs[i]);
    }
  },
};

/**
 * Inverse links of regression outputs.
 * @type {Object<string, (z: number) => number>}
 */
const LINKS = {
  identity: (z) => z,
  exp: Math.exp,
  exp_half: (z) => Math.exp(0.5 * z),
};

/**
 * The outputs of consecutive layers.
 * @param {Layer[]} layers
 * @param {Float32Array} weights
 * @param {Float64Array} inputs
 * @param {number} rows
 * @param {number[]} shape  shape of one row of inputs
 * @returns {Float64Array}
 */
function sequence(layers, weights, inputs, rows, shape) {
  let a = inputs;
  for (const layer of layers) {
    a = LAYERS[layer.kind](layer, weights, a, rows, shape);
    shape = layer.shape;
  }
  return a;
}

/**
 * The network's predictions: probabilities of classes, or numbers.
 * @param {Network} network
 * @param {Float32Array} weights  weights of one member
 * @param {Float32Array} inputs  `[rows, …]`, tokens as whole numbers
 * @param {number} rows
 * @returns {Float64Array} `[rows, outputs]`
 */
function answers(network, weights, inputs, rows) {
  const outputs = sequence(network.layers, weights, new Float64Array(inputs), rows, network.shape);
  ANSWERS[network.answers.kind](outputs, rows, network.answers);
  return outputs;
}
