// Colors, elements, and functions that draw on any canvas.

// Colors of classes for people with color blindness (Okabe and Ito, "Color Universal Design"), and four more.
const CLASS_COLORS = [
  [0, 114, 178],
  [230, 159, 0],
  [0, 158, 115],
  [204, 121, 167],
  [86, 180, 233],
  [213, 94, 0],
  [240, 228, 66],
  [120, 94, 60],
  [130, 130, 130],
  [117, 60, 160],
];
// Nine points of matplotlib's "viridis", and five of its "RdBu", in ascending order.
const RISING = [
  [68, 1, 84],
  [71, 44, 122],
  [59, 81, 139],
  [44, 113, 142],
  [33, 144, 141],
  [39, 173, 129],
  [92, 200, 99],
  [170, 220, 50],
  [253, 231, 37],
];
const DIVERGING = [
  [33, 102, 172],
  [146, 197, 222],
  [247, 247, 247],
  [244, 165, 130],
  [178, 24, 43],
];

/** Interpolates a list of colors at a fraction from 0 to 1. */
function between(colors, share) {
  const place = Math.min(1, Math.max(0, share)) * (colors.length - 1);
  const below = Math.min(Math.floor(place), colors.length - 2);
  return mixed(colors[below], colors[below + 1], place - below);
}

/** Mixes two colors with a fraction of the second. */
function mixed(first, second, share) {
  return first.map((value, i) => value + (second[i] - value) * share);
}

/** A color in CSS. */
function css(color) {
  return `rgb(${color.map(Math.round).join(" ")})`;
}

/** Black or white, whichever is easier to read on a color. */
function inkOn([red, green, blue]) {
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#000" : "#fff";
}

/** The color of a class; beyond the end of the list, colors repeat in paler shades. */
function classColor(label) {
  const color = CLASS_COLORS[label % CLASS_COLORS.length];
  return label < CLASS_COLORS.length ? color : mixed(color, [255, 255, 255], 0.5);
}

/** Creates an element with properties and children. */
function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made && key !== "list") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** Creates a canvas of a size in pixels. */
function canvasOf(width, height, properties = {}) {
  return element("canvas", { width, height, ...properties });
}

/** Creates a figure with a caption above it. */
function captioned(text, ...children) {
  return element("figure", {}, element("figcaption", {}, text), ...children);
}

/** Paints `width × height` pixels, y downwards: `(x, y) => [red, green, blue]`, or null for transparent. */
function paint(canvas, width, height, color) {
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i += 4) {
      const pixel = color(x, y);
      if (pixel !== null) image.data.set([...pixel, 255], i);
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Draws a point with a thin edge. */
function dot(context, x, y, color) {
  context.beginPath();
  context.arc(x, y, 2.6, 0, 2 * Math.PI);
  context.fillStyle = color;
  context.fill();
  context.lineWidth = 0.8;
  context.strokeStyle = "#fff";
  context.stroke();
}

/** Draws a line through points, with gaps at points that are not numbers. */
function line(context, points, color, width) {
  context.beginPath();
  let isOn = false;
  for (const [x, y] of points) {
    if (!Number.isFinite(y)) isOn = false;
    else if (isOn) context.lineTo(x, y);
    else {
      context.moveTo(x, y);
      isOn = true;
    }
  }
  context.strokeStyle = color;
  context.lineWidth = width;
  context.stroke();
}

/** A value of the style, such as a color. */
function styleOf(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Paints a matrix `[height × width]` of weights: blue below 0, white 0, red above 0, scaled to the largest. */
function paintMatrix(canvas, matrix, height, width) {
  const largest = matrix.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);
  paint(canvas, width, height, (x, y) => between(DIVERGING, 0.5 + matrix[y * width + x] / (2 * largest)));
}
