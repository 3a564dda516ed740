// The sweep in this page: its arrays, and its members' predictions.
//
// A member is one network of the sweep. Its index has a number for each axis; members are in C order, as in the
// arrays of the result.

/** Decodes float32 numbers from base64. */
function numbersOf(text) {
  const bytes = atob(text);
  const array = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) array[i] = bytes.charCodeAt(i);
  return new Float32Array(array.buffer);
}

/** The contents of the page with decoded numbers. */
function decoded(contents) {
  const scores = {};
  for (const [name, score] of Object.entries(contents.scores)) {
    const history = score.history === undefined ? null : numbersOf(score.history);
    scores[name] = { ...score, last: numbersOf(score.last), history };
  }
  const programs = contents.programs.map((program) => ({ ...program, weights: numbersOf(program.weights) }));
  const rows = { ...contents.rows, x: numbersOf(contents.rows.x), y: numbersOf(contents.rows.y) };
  return { ...contents, scores, programs, rows, asked: new Map(), better: new Map() };
}

/** The number of a member in C order. */
function memberNumber(sweep, index) {
  return sweep.axes.reduce((number, axis, i) => number * axis.texts.length + index[i], 0);
}

/** The index of a member, from its number. */
function memberIndex(sweep, number) {
  const index = [];
  for (const axis of [...sweep.axes].reverse()) {
    index.unshift(number % axis.texts.length);
    number = Math.floor(number / axis.texts.length);
  }
  return index;
}

/** The number of members. */
function memberCount(sweep) {
  return sweep.axes.reduce((count, axis) => count * axis.texts.length, 1);
}

/** The network of a member and its flat parameters; `epoch` is the index of an epoch on the page. */
function networkOf(sweep, index, epoch) {
  const number = memberNumber(sweep, index);
  const membersEach = memberCount(sweep) / sweep.programs.length;
  const program = sweep.programs[Math.floor(number / membersEach)];
  const size = program.network.parameters;
  const first = ((number % membersEach) * sweep.epochs.length + epoch) * size;
  return { network: program.network, weights: program.weights.subarray(first, first + size) };
}

/** Whether a member had diverged by the end of an epoch; `epoch` is its index on the page. */
function hasDiverged(sweep, index, epoch) {
  const at = sweep.diverged_at[memberNumber(sweep, index)];
  return at >= 0 && at < sweep.epochs[epoch];
}

/** A member's score at an epoch; NaN if it was not kept. */
function scoreAt(sweep, name, index, epoch) {
  const score = sweep.scores[name];
  const number = memberNumber(sweep, index);
  if (score.history !== null) {
    const place = score.evaluations.indexOf(sweep.epochs[epoch]);
    if (place >= 0) return score.history[number * score.evaluations.length + place];
  }
  return epoch === sweep.epochs.length - 1 ? score.last[number] : NaN;
}

/** A member's predictions for rows of inputs `[rows × outputs]`: probabilities, or numbers in the targets' units. */
function answersOf(sweep, index, epoch, inputs, count) {
  const { network, weights } = networkOf(sweep, index, epoch);
  const answer = answers(network, weights, inputs, count);
  const { units } = sweep.rows;
  if (units === null) return answer;
  return answer.map((value, i) => value * units.scale[i % units.scale.length] + units.mean[i % units.mean.length]);
}

/** A member's predictions for the rows of the page; cached, since several figures need them. */
function answersToRows(sweep, index, epoch) {
  const key = `${index} ${epoch}`;
  if (!sweep.asked.has(key)) {
    if (sweep.asked.size > 5000) sweep.asked.clear();
    sweep.asked.set(key, answersOf(sweep, index, epoch, sweep.rows.x, sweep.rows.count));
  }
  return sweep.asked.get(key);
}

/** The predicted class of a row and its probability; a single output is thresholded at 1/2. */
function classOf(answer) {
  if (answer.length === 1) {
    const passes = answer[0] > 0.5;
    return { label: passes ? 1 : 0, probability: passes ? answer[0] : 1 - answer[0] };
  }
  let label = 0;
  for (let i = 1; i < answer.length; i++) if (answer[i] > answer[label]) label = i;
  return { label, probability: answer[label] };
}

/** The predicted class of every row of outputs `[rows × outputs]`. */
function classesOf(answer, count) {
  const outputs = answer.length / count;
  return Array.from(
    { length: count },
    (_, i) => classOf(answer.subarray(i * outputs, (i + 1) * outputs)).label,
  );
}

/**
 * Whether a member predicts the rows of the page better than a constant does: the most frequent class, or the mean
 * of the first target. True for a member with several predictions for each target.
 */
function beatsConstant(sweep, index, epoch) {
  const key = `${index} ${epoch}`;
  if (!sweep.better.has(key)) sweep.better.set(key, isBetter(sweep.rows, answersToRows(sweep, index, epoch)));
  return sweep.better.get(key);
}

function isBetter({ count, classes, targets, y }, answer) {
  if (classes !== null) {
    const frequencies = classes.map((_, label) => y.filter((other) => other === label).length);
    const right = classesOf(answer, count).filter((label, row) => label === y[row]).length;
    return right > Math.max(...frequencies);
  }
  if (answer.length !== count * targets) return true;
  const first = y.filter((_, i) => i % targets === 0);
  const mean = first.reduce((sum, value) => sum + value, 0) / count;
  const squares = (predicted) => first.reduce((sum, value, row) => sum + (value - predicted(row)) ** 2, 0);
  return squares((row) => answer[row * targets]) < squares(() => mean);
}

/** A row of the page. */
function inputsOf(sweep, row) {
  const size = sweep.rows.columns.length;
  return sweep.rows.x.subarray(row * size, (row + 1) * size);
}

/** The rank of a cell, from 1, with its mean and interval; null if it is not ranked. */
function rankOf(sweep, index) {
  const cell = index.slice(0, sweep.cell_axes);
  const place = sweep.ranking.findIndex((ranked) => ranked.cell.every((number, i) => number === cell[i]));
  return place < 0 ? null : { rank: place + 1, ...sweep.ranking[place] };
}

/** A member's axes in words: "η = 0.01, λ = 1". */
function indexText(sweep, index) {
  return sweep.axes.map((axis, i) => valueText(axis, index[i])).join(", ");
}

/** A value of an axis in words; texts of sampled cells already name their axes. */
function valueText(axis, i) {
  return axis.name === "cell" ? axis.texts[i] : `${axis.symbol} = ${axis.texts[i]}`;
}

/** A number in few characters. */
function numberText(value) {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e7 || size < 1e-3) return value.toExponential(1).replace("e+", "e");
  return size >= 1e3 ? value.toFixed(0) : value.toPrecision(3);
}

/** A round number without trailing zeros. */
function shortText(value) {
  return Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-3)
    ? value.toExponential().replace("e+", "e")
    : String(value);
}

/** A score in few characters. */
function scoreText(sweep, name, value) {
  if (!Number.isFinite(value)) return "–";
  return sweep.scores[name].higher_is_better && Math.abs(value) < 10 ? value.toFixed(3) : numberText(value);
}
