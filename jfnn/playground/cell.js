// One member: its scores, curves, weights, confusion matrix, and misclassified rows.

const MOST_WRONG = 24; // rows shown
const MOST_UNITS = 100; // hidden units shown as pictures
const MOST_LAYERS = 4; // layers whose weights are shown

/** Shows the selected member; clicking one of its rows passes the row to all networks. */
function showCell(sweep, state, ask) {
  document.getElementById("cell-title").textContent = indexText(sweep, state.at);
  document.getElementById("cell-facts").textContent = facts(sweep, state);
  const pictures = [
    bigPicture(sweep, state, ask),
    curves(sweep, state),
    ...weightPictures(sweep, state),
    confusion(sweep, state),
    wrongRows(sweep, state, ask),
  ];
  document.getElementById("cell-pictures").replaceChildren(...pictures.filter((one) => one !== null));
}

/** The member's scores at the epoch, and the rank of its cell. */
function facts(sweep, state) {
  if (hasDiverged(sweep, state.at, state.epoch)) {
    return `Diverged in epoch ${sweep.diverged_at[memberNumber(sweep, state.at)] + 1}; shown before it diverged.`;
  }
  const scores = Object.keys(sweep.scores)
    .map((name) => [name, scoreAt(sweep, name, state.at, state.epoch)])
    .filter(([, value]) => Number.isFinite(value))
    .map(([name, value]) => `${sweep.scores[name].text} ${scoreText(sweep, name, value)}`);
  const place = rankOf(sweep, state.at);
  const parts = [`After epoch ${sweep.epochs[state.epoch]}: ${scores.join(", ")}.`];
  if (place === null) parts.push("The cell is not ranked, because it diverged with some seed.");
  else {
    const name = sweep.ranked_by;
    const ends =
      place.low === null
        ? ""
        : ` [${scoreText(sweep, name, place.low)}, ${scoreText(sweep, name, place.high)}]`;
    const tied = place.tied ? ", possibly the best as well" : "";
    parts.push(
      `Final rank ${place.rank} of ${sweep.ranking.length} by ${sweep.scores[name].text}: ${scoreText(sweep, name, place.mean)}${ends}${tied}.`,
    );
  }
  return parts.join(" ");
}

/** The member's predictions over one or two inputs, with the rows of the page; a click sets the inputs. */
function bigPicture(sweep, state, ask) {
  const count = sweep.rows.columns.length;
  if (count === 1) {
    const canvas = canvasOf(1, 1, { role: "img", ariaLabel: "prediction as a function of the input, and rows" });
    drawFunction(sweep, canvas, state.at, state.epoch, 300, 220, true);
    const text =
      sweep.rows.classes === null
        ? `prediction and ${sweep.rows.part} rows`
        : "probability of each class";
    return captioned(text, canvas);
  }
  if (count !== 2) return null;
  const side = 100;
  const pixels = canvasOf(1, 1);
  paintRegions(sweep, pixels, state.at, state.epoch, side);
  const canvas = canvasOf(300, 300, { role: "img", ariaLabel: "predictions over both inputs, and rows" });
  canvas.getContext("2d").imageSmoothingEnabled = false;
  canvas.getContext("2d").drawImage(pixels, 0, 0, 300, 300);
  drawPoints(sweep, canvas);
  canvas.style.cursor = "crosshair";
  canvas.onclick = (event) => {
    const box = canvas.getBoundingClientRect();
    const [left, right] = endsOf(sweep, 0);
    const [below, above] = endsOf(sweep, 1);
    const x = left + ((event.clientX - box.left) / box.width) * (right - left);
    const y = above - ((event.clientY - box.top) / box.height) * (above - below);
    ask(Float32Array.of(x, y));
  };
  return captioned(
    `horizontal: ${sweep.rows.columns[0]}, vertical: ${sweep.rows.columns[1]}; click to set the inputs`,
    canvas,
  );
}

/** The member's score over the epochs, and the scores of the cell's other seeds and folds. */
function curves(sweep, state) {
  const score = sweep.scores[state.score];
  if (score.history === null || score.evaluations.length < 2) return null;
  const length = score.evaluations.length;
  const others = [];
  for (let number = 0; number < memberCount(sweep); number++) {
    const index = memberIndex(sweep, number);
    if (!index.slice(0, sweep.cell_axes).every((at, i) => at === state.at[i])) continue;
    const points = score.evaluations.map((epoch, i) => [epoch, score.history[number * length + i]]);
    const own = isAt(index, state);
    others.push({ points, color: styleOf(own ? "--accent" : "--quiet"), width: own ? 2.2 : 0.8 });
  }
  others.sort((a, b) => a.width - b.width);
  const canvas = canvasOf(1, 1, { role: "img", ariaLabel: `${score.text} over the epochs` });
  const logarithmic =
    !score.higher_is_better && others.every(({ points }) => points.every(([, value]) => !(value <= 0)));
  drawCurves(canvas, others, { logarithmic, marked: sweep.epochs[state.epoch], label: "epoch" });
  const seeds = others.length > 1 ? `, thin: the cell's other seeds and folds (${others.length - 1})` : "";
  return captioned(`${score.text}${seeds}`, canvas);
}

/** The member's weights: images of hidden units if inputs are images, otherwise a matrix per layer. */
function weightPictures(sweep, state) {
  const { network, weights } = networkOf(sweep, state.at, state.epoch);
  const units = unitPictures(sweep, network, weights);
  const found = [];
  if (units !== null) {
    const canvas = canvasOf(1, 1, {
      className: "pixels",
      role: "img",
      ariaLabel: "weights into hidden units",
    });
    paintUnits(sweep, canvas, network, weights, MOST_UNITS);
    canvas.style.width = `${Math.min(300, canvas.width * 8)}px`;
    const count = Math.min(MOST_UNITS, units.pictures.length);
    found.push(
      captioned(
        `weights into ${count} of ${units.pictures.length} units of the first layer, each scaled by its largest weight`,
        canvas,
      ),
    );
  }
  const matrices = network.layers.filter(
    (layer) =>
      layer.weights !== undefined && layer.weights.w !== undefined && layer.weights.w.shape.length === 2,
  );
  for (const layer of matrices.slice(
    units !== null && matrices[0] === network.layers[0] ? 1 : 0,
    MOST_LAYERS,
  )) {
    const {
      shape: [height, width],
      offset,
    } = layer.weights.w;
    const canvas = canvasOf(1, 1, {
      className: "pixels",
      role: "img",
      ariaLabel: `weights of a ${layer.kind} layer`,
    });
    paintMatrix(canvas, weights.subarray(offset, offset + height * width), height, width);
    canvas.style.width = `${width * Math.max(1, Math.floor(Math.min(10, 300 / width, 200 / height)))}px`;
    found.push(
      captioned(
        `layer ${network.layers.indexOf(layer) + 1}: ${height}×${width} weights, inputs from top to bottom`,
        canvas,
      ),
    );
  }
  return found;
}

/** The confusion matrix on the rows of the page. */
function confusion(sweep, state) {
  const names = sweep.rows.classes;
  if (names === null || names.length > 20) return null;
  const called = classesOf(answersToRows(sweep, state.at, state.epoch), sweep.rows.count);
  const counts = names.map(() => names.map(() => 0));
  called.forEach((label, row) => (counts[sweep.rows.y[row]][label] += 1));
  const most = Math.max(...counts.flat());
  const head = element(
    "tr",
    {},
    element("th", {}, "true \\ predicted"),
    ...names.map((name) => element("th", { scope: "col" }, name)),
  );
  const body = counts.map((line, i) => {
    const cells = line.map((count, j) => {
      const color = mixed([255, 255, 255], i === j ? [0, 114, 178] : [213, 94, 0], Math.sqrt(count / most));
      return element(
        "td",
        { style: `background:${css(color)};color:${inkOn(color)}` },
        count ? String(count) : "",
      );
    });
    return element("tr", {}, element("th", { scope: "row" }, names[i]), ...cells);
  });
  const right = counts.reduce((sum, line, i) => sum + line[i], 0);
  const table = element(
    "table",
    { className: "confusion" },
    element("thead", {}, head),
    element("tbody", {}, ...body),
  );
  return captioned(
    `${right} of ${sweep.rows.count} ${sweep.rows.part} rows correct`,
    element("div", { className: "table" }, table),
  );
}

/** The misclassified rows, or in a regression the rows with the largest errors; a click sets the inputs. */
function wrongRows(sweep, state, ask) {
  const answer = answersToRows(sweep, state.at, state.epoch);
  const outputs = answer.length / sweep.rows.count;
  const target = (row) => sweep.rows.y[row * sweep.rows.targets];
  const rows = Array.from({ length: sweep.rows.count }, (_, row) => row);
  const isLabelled = sweep.rows.classes !== null;
  if (!isLabelled && sweep.rows.columns.length === 1) return null;
  const called = isLabelled ? classesOf(answer, sweep.rows.count) : null;
  const error = (row) =>
    isLabelled ? Number(called[row] !== target(row)) : Math.abs(answer[row * outputs] - target(row));
  const wrong = rows.filter((row) => error(row) > 0).sort((a, b) => error(b) - error(a) || a - b);
  const shown = wrong.slice(0, MOST_WRONG).map((row) => {
    const said = isLabelled ? sweep.rows.classes[called[row]] : numberText(answer[row * outputs]);
    const is = isLabelled ? sweep.rows.classes[target(row)] : numberText(target(row));
    const button = element("button", {
      type: "button",
      title: `row ${sweep.rows.numbers[row]}: true ${is}, predicted ${said}`,
    });
    if (sweep.rows.picture !== null) {
      const canvas = canvasOf(1, 1, { className: "pixels" });
      paintPicture(sweep, canvas, inputsOf(sweep, row));
      button.append(canvas);
    } else button.append(`row ${sweep.rows.numbers[row]}: `);
    button.append(`${is} → ${said}`);
    button.onclick = () => ask(Float32Array.from(inputsOf(sweep, row)));
    return button;
  });
  if (shown.length === 0) return null;
  const text = isLabelled ? `${wrong.length} misclassified` : "largest errors";
  const more = wrong.length > shown.length ? `, ${shown.length} shown` : "";
  return captioned(
    `${text}${more} (true → predicted); click to ask all networks`,
    element("div", { className: "rows" }, ...shown),
  );
}
