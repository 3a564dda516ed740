// Images of a member: its predictions over the inputs, its hidden units, and its mean image of a class.

/** The ends of an input's axis: its range and a margin. */
function endsOf(sweep, input) {
  const low = sweep.rows.low[input];
  const high = sweep.rows.high[input];
  const margin = 0.06 * (high - low || 1);
  return [low - margin, high + margin];
}

/** The color of a prediction: of a class, paler at low probability, or of a number in a range. */
function answerColor(sweep, answer, range) {
  if (answer.some(Number.isNaN)) return [128, 128, 128];
  if (sweep.rows.classes === null)
    return between(DIVERGING, (answer[0] - range[0]) / (range[1] - range[0] || 1));
  const { label, probability } = classOf(answer);
  const chance = answer.length === 1 ? 0.5 : 1 / answer.length;
  const sure = Math.min(1, Math.max(0, (probability - chance) / (1 - chance)));
  return mixed([255, 255, 255], classColor(label), 0.25 + 0.7 * sure);
}

/** The range of the first target in the rows of the page. */
function targetRange(sweep) {
  const { y, targets } = sweep.rows;
  const first = y.filter((_, i) => i % targets === 0);
  return [
    first.reduce((a, b) => Math.min(a, b), Infinity),
    first.reduce((a, b) => Math.max(a, b), -Infinity),
  ];
}

/** Paints a member's predictions over its two inputs. */
function paintRegions(sweep, canvas, index, epoch, side) {
  const [left, right] = endsOf(sweep, 0);
  const [below, above] = endsOf(sweep, 1);
  const points = new Float32Array(2 * side * side);
  for (let y = 0, i = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      points[i++] = left + ((x + 0.5) / side) * (right - left);
      points[i++] = above - ((y + 0.5) / side) * (above - below);
    }
  }
  const answer = answersOf(sweep, index, epoch, points, side * side);
  const outputs = answer.length / (side * side);
  const range = targetRange(sweep);
  paint(canvas, side, side, (x, y) => {
    const first = (y * side + x) * outputs;
    return answerColor(sweep, answer.subarray(first, first + outputs), range);
  });
}

/** Draws the rows of the page as points over two inputs. */
function drawPoints(sweep, canvas) {
  const context = canvas.getContext("2d");
  const [left, right] = endsOf(sweep, 0);
  const [below, above] = endsOf(sweep, 1);
  const range = targetRange(sweep);
  for (let row = 0; row < sweep.rows.count; row++) {
    const [first, second] = inputsOf(sweep, row);
    const target = sweep.rows.y[row * sweep.rows.targets];
    const x = ((first - left) / (right - left)) * canvas.width;
    const y = ((above - second) / (above - below)) * canvas.height;
    const color = sweep.rows.classes === null ? answerColor(sweep, [target], range) : classColor(target);
    dot(context, x, y, css(color));
  }
}

/** Draws a member's prediction as a function of its input, and the rows of the page. */
function drawFunction(sweep, canvas, index, epoch, width, height, rowsToo) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  context.fillStyle = styleOf("--box");
  context.fillRect(0, 0, width, height);
  const [left, right] = endsOf(sweep, 0);
  const [low, high] = sweep.rows.classes === null ? targetRange(sweep) : [0, 1];
  const margin = 0.15 * (high - low || 1);
  const down = (value) => height * (1 - (value - low + margin) / (high - low + 2 * margin));
  const across = (value) => ((value - left) / (right - left)) * width;
  if (rowsToo && sweep.rows.classes === null) {
    for (let row = 0; row < sweep.rows.count; row++) {
      dot(
        context,
        across(inputsOf(sweep, row)[0]),
        down(sweep.rows.y[row * sweep.rows.targets]),
        styleOf("--page"),
      );
    }
  }
  const xs = Float32Array.from({ length: width }, (_, i) => left + ((i + 0.5) / width) * (right - left));
  const answer = answersOf(sweep, index, epoch, xs, width);
  const outputs = answer.length / width;
  for (let output = 0; output < outputs; output++) {
    const heights = Array.from({ length: width }, (_, i) => down(answer[i * outputs + output]));
    line(
      context,
      heights.map((y, i) => [i + 0.5, y]),
      css(classColor(output)),
      2,
    );
  }
}

/** Paints inputs as an image: gray from low to high, or red, green and blue. */
function paintPicture(sweep, canvas, inputs) {
  const [channels, height, width] = sweep.rows.picture;
  const low = sweep.rows.low.reduce((a, b) => Math.min(a, b));
  const high = sweep.rows.high.reduce((a, b) => Math.max(a, b));
  paint(canvas, width, height, (x, y) => {
    const light = (channel) =>
      255 * Math.min(1, Math.max(0, (inputs[(channel * height + y) * width + x] - low) / (high - low || 1)));
    return channels === 1 ? [light(0), light(0), light(0)] : [light(0), light(1), light(2)];
  });
}

/** Paints the weights of a network's first hidden units as images, in rows separated by gaps. */
function paintUnits(sweep, canvas, network, weights, most) {
  const units = unitPictures(sweep, network, weights);
  const columns = Math.ceil(Math.sqrt(Math.min(most, units.pictures.length)));
  const lines = Math.ceil(Math.min(most, units.pictures.length) / columns);
  const { height, width } = units;
  paint(canvas, columns * (width + 1) - 1, lines * (height + 1) - 1, (x, y) => {
    const unit = Math.floor(y / (height + 1)) * columns + Math.floor(x / (width + 1));
    const inX = x % (width + 1);
    const inY = y % (height + 1);
    if (inX === width || inY === height || unit >= Math.min(most, units.pictures.length)) return null;
    const { picture, largest } = units.pictures[unit];
    return between(DIVERGING, 0.5 + picture[inY * width + inX] / (2 * largest));
  });
}

/** Weights into each unit of the first layer with weights, as one-channel images; null if they are not images. */
function unitPictures(sweep, network, weights) {
  const layer = network.layers.find((one) => one.weights !== undefined && one.weights.w !== undefined);
  if (sweep.rows.picture === null || layer === undefined) return null;
  const { shape, offset } = layer.weights.w;
  const [channels, high, wide] = sweep.rows.picture;
  const isDense = layer.kind === "dense" && shape[0] === channels * high * wide;
  const isKernel = layer.kind === "conv" && shape.length === 4;
  if (!isDense && !isKernel) return null;
  // Dense weights are [inputs, units], kernels [units, channels, height, width]; the first channel is shown.
  const [height, width] = isDense ? [high, wide] : shape.slice(2);
  const count = isDense ? shape[1] : shape[0];
  const place = (unit, i) => (isDense ? i * count + unit : unit * shape[1] * height * width + i);
  const pictures = Array.from({ length: count }, (_, unit) => {
    const picture = Array.from({ length: height * width }, (_, i) => weights[offset + place(unit, i)]);
    return { picture, largest: picture.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12) };
  });
  return { pictures, height, width };
}

/** The mean of the rows that a member assigns to a class; null without any. */
function meanPicture(sweep, index, epoch, label) {
  const size = sweep.rows.columns.length;
  const classes = classesOf(answersToRows(sweep, index, epoch), sweep.rows.count);
  const mean = new Float64Array(size);
  let count = 0;
  classes.forEach((one, row) => {
    if (one !== label) return;
    count += 1;
    inputsOf(sweep, row).forEach((value, i) => (mean[i] += value));
  });
  return count === 0 ? null : mean.map((value) => value / count);
}
