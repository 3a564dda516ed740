// The map: a panel for every cell of two axes, at one epoch.
//
// State, in all files: `down` and `across` are indices of axes (-1 for none), `at` is the index of the selected
// member, `epoch` the index of an epoch of the page, `show` a key of MAP_PICTURES, `score` the name of a score,
// `label` a class, `voters` whether "all" networks vote or only the "better" ones, `asked` the inputs, or null.

const SIDE = 40; // pixels of a panel of two inputs, which the browser enlarges
const UNITS = 9; // hidden units per panel
const KEPT = 3000; // cached panels, which make replaying the epochs smooth

// Contents of a panel: label, whether it suits the sweep, and how to draw it on a canvas.
const MAP_PICTURES = {
  regions: {
    text: "prediction over both inputs",
    fits: (sweep) => sweep.rows.columns.length === 2,
    draw: (sweep, canvas, index, state) => paintRegions(sweep, canvas, index, state.epoch, SIDE),
  },
  function: {
    text: "prediction as a function of the input",
    fits: (sweep) => sweep.rows.columns.length === 1,
    draw: (sweep, canvas, index, state) => drawFunction(sweep, canvas, index, state.epoch, 80, 80, false),
  },
  units: {
    text: "first hidden units",
    fits: (sweep) =>
      sweep.programs.some(({ network, weights }) => unitPictures(sweep, network, weights) !== null),
    draw: (sweep, canvas, index, state) => {
      const { network, weights } = networkOf(sweep, index, state.epoch);
      if (unitPictures(sweep, network, weights) !== null) paintUnits(sweep, canvas, network, weights, UNITS);
    },
  },
  mean: {
    text: "mean image of a class",
    fits: (sweep) => sweep.rows.picture !== null && sweep.rows.classes !== null,
    draw: (sweep, canvas, index, state) => {
      const mean = meanPicture(sweep, index, state.epoch, state.label);
      if (mean !== null) paintPicture(sweep, canvas, mean);
    },
  },
  score: {
    text: "a score",
    fits: () => true,
    draw: (sweep, canvas, index, state) => paintColor(canvas, scoreColor(sweep, index, state)),
  },
  answer: {
    text: "prediction for the inputs below",
    fits: () => true,
    draw: (sweep, canvas, index, state) => {
      if (state.asked === null) return;
      const answer = answersOf(sweep, index, state.epoch, state.asked, 1);
      paintColor(canvas, answerColor(sweep, answer, targetRange(sweep)));
    },
  },
};

function paintColor(canvas, color) {
  paint(canvas, 1, 1, () => color);
}

/** The range of the finite scores of all members at all epochs of the page. */
function scoreRange(sweep, name) {
  const score = sweep.scores[name];
  if (score.range === undefined) {
    const values = [...score.last, ...(score.history ?? [])].filter(Number.isFinite);
    const low = values.reduce((a, b) => Math.min(a, b), Infinity);
    score.range = {
      low,
      high: values.reduce((a, b) => Math.max(a, b), -Infinity),
      logarithmic: !score.higher_is_better && low > 0,
    };
  }
  return score.range;
}

/** The color of a member's score at the epoch; brighter is better. */
function scoreColor(sweep, index, state) {
  const value = scoreAt(sweep, state.score, index, state.epoch);
  if (!Number.isFinite(value)) return [128, 128, 128];
  const { low, high, logarithmic } = scoreRange(sweep, state.score);
  const of = (number) => (logarithmic ? Math.log(number) : number);
  const share = (of(value) - of(low)) / (of(high) - of(low) || 1);
  return between(RISING, sweep.scores[state.score].higher_is_better ? share : 1 - share);
}

/** Members on the map with their positions: the selected member's index, varied along the two axes. */
function places(sweep, state) {
  const { down, across } = state;
  const count = sweep.axes[across].texts.length;
  const columns = down < 0 ? Math.ceil(Math.sqrt(count)) : count;
  const lines = down < 0 ? 1 : sweep.axes[down].texts.length;
  const found = [];
  for (let i = 0; i < lines; i++) {
    for (let j = 0; j < count; j++) {
      const index = [...state.at];
      if (down >= 0) index[down] = i;
      index[across] = j;
      found.push(index);
    }
  }
  return { columns, members: found };
}

/** Creates the map's elements: a button with a canvas for each cell. */
function buildMap(sweep, state, choose) {
  const map = document.getElementById("map");
  const { columns, members } = places(sweep, state);
  const { down, across } = state;
  const hasSides = down >= 0;
  map.style.gridTemplateColumns = `${hasSides ? "auto " : ""}repeat(${columns}, minmax(2rem, 8rem))`;
  map.replaceChildren();
  if (hasSides) {
    const names = element(
      "div",
      { className: "corner" },
      `${sweep.axes[down].symbol} ↓  ${sweep.axes[across].symbol} →`,
    );
    const tops = sweep.axes[across].texts.map((text) =>
      element("div", { className: "heading top", role: "columnheader" }, text),
    );
    map.append(element("div", { role: "row" }, names, ...tops));
  }
  for (let first = 0; first < members.length; first += columns) {
    const row = element("div", { role: "row" });
    if (hasSides)
      row.append(
        element(
          "div",
          { className: "heading side", role: "rowheader" },
          sweep.axes[down].texts[first / columns],
        ),
      );
    members.slice(first, first + columns).forEach((_, j) => {
      const button = element(
        "button",
        { type: "button", role: "gridcell" },
        canvasOf(1, 1, { "aria-hidden": "true" }),
        element("span", { className: "text" }),
      );
      button.onclick = () => choose(places(sweep, currentState()).members[first + j]);
      row.append(button);
    });
    map.append(row);
  }
  map.onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const shown = places(sweep, currentState()).members;
    const next = shown.findIndex((index) => isAt(index, currentState())) + step;
    const isSameRow =
      Math.abs(step) > 1 || Math.floor(next / columns) === Math.floor((next - step) / columns);
    if (next < 0 || next >= shown.length || !isSameRow) return;
    choose(shown[next]);
    map.querySelectorAll("button")[next].focus();
  };
}

/** Whether an index is the selected member's. */
function isAt(index, state) {
  return index.every((number, i) => number === state.at[i]);
}

/** Draws all panels of the map at the epoch. */
function showMap(sweep, state) {
  const buttons = document.querySelectorAll("#map button");
  const best = sweep.ranking.length ? sweep.ranking[0].cell : null;
  places(sweep, state).members.forEach((index, i) => {
    const button = buttons[i];
    const [canvas, text] = button.children;
    const diverged = hasDiverged(sweep, index, state.epoch);
    if (diverged) canvas.width = canvas.height = 1; // empty
    else drawKept(sweep, canvas, index, state);
    button.className = [
      diverged ? "diverged" : "",
      best !== null && best.every((number, axis) => number === index[axis]) ? "best" : "",
      state.show === "answer" && state.asked !== null ? "answered" : "",
    ].join(" ");
    text.textContent = diverged ? "" : cellText(sweep, index, state);
    text.style.setProperty("--length", Math.max(1, text.textContent.length));
    if (text.textContent) text.style.color = inkOn(cellColor(sweep, index, state));
    button.setAttribute(
      "aria-label",
      `${indexText(sweep, index)}: ${spokenText(sweep, index, state, diverged)}`,
    );
    button.title = button.getAttribute("aria-label");
    button.setAttribute("aria-selected", String(isAt(index, state)));
    button.tabIndex = isAt(index, state) ? 0 : -1;
  });
  document.getElementById("legend").replaceChildren(...legend(sweep, state));
}

/** Draws a cell's panel, or copies it from the cache. */
function drawKept(sweep, canvas, index, state) {
  const changes = state.show === "answer" || state.show === "function";
  const key = [state.show, state.score, state.label, index, state.epoch].join(" ");
  sweep.drawn ??= new Map();
  if (changes || !sweep.drawn.has(key)) {
    if (sweep.drawn.size > KEPT) sweep.drawn.clear();
    const fresh = canvasOf(1, 1);
    MAP_PICTURES[state.show].draw(sweep, fresh, index, state);
    sweep.drawn.set(key, fresh);
  }
  const drawn = sweep.drawn.get(key);
  canvas.width = drawn.width;
  canvas.height = drawn.height;
  canvas.getContext("2d").drawImage(drawn, 0, 0);
}

/** The text on a panel: the score or prediction, nothing on images. */
function cellText(sweep, index, state) {
  if (state.show === "score")
    return scoreText(sweep, state.score, scoreAt(sweep, state.score, index, state.epoch));
  if (state.show !== "answer" || state.asked === null) return "";
  return answerText(sweep, answersOf(sweep, index, state.epoch, state.asked, 1));
}

function cellColor(sweep, index, state) {
  if (state.show === "score") return scoreColor(sweep, index, state);
  return answerColor(sweep, answersOf(sweep, index, state.epoch, state.asked, 1), targetRange(sweep));
}

/** A prediction as text: the class, or the first number. */
function answerText(sweep, answer) {
  if (answer.some(Number.isNaN)) return "–";
  return sweep.rows.classes === null ? numberText(answer[0]) : sweep.rows.classes[classOf(answer).label];
}

/** A cell's text for screen readers. */
function spokenText(sweep, index, state, diverged) {
  if (diverged) return "diverged";
  const score = `${sweep.scores[state.score].text} ${scoreText(sweep, state.score, scoreAt(sweep, state.score, index, state.epoch))}`;
  if (state.show !== "answer" || state.asked === null) return score;
  const answer = answersOf(sweep, index, state.epoch, state.asked, 1);
  const sure = sweep.rows.classes === null ? "" : ` (${classOf(answer).probability.toFixed(2)})`;
  return `predicts ${answerText(sweep, answer)}${sure}; ${score}`;
}

/** The legend of the map's colors. */
function legend(sweep, state) {
  const key = (color, text) => [
    element("i", { className: "key", style: `background:${css(color)}` }),
    text,
  ];
  const scale = (colors, low, high) => {
    const stops = colors.map(css).join(", ");
    return [
      low,
      element("i", { className: "scale", style: `background:linear-gradient(to right, ${stops})` }),
      high,
    ];
  };
  const marks = " ★ best cell by the mean of its networks, hatched: diverged.";
  if (state.show === "units")
    return [`Weights into the first ${UNITS} hidden units: red above 0, blue below.${marks}`];
  if (state.show === "mean")
    return [
      `Mean of the ${sweep.rows.part} rows that each network classifies as ${sweep.rows.classes[state.label]}.${marks}`,
    ];
  if (state.show === "score") {
    const { low, high } = scoreRange(sweep, state.score);
    const colors = sweep.scores[state.score].higher_is_better ? RISING : [...RISING].reverse();
    return [
      ...scale(colors, scoreText(sweep, state.score, low), scoreText(sweep, state.score, high)),
      ` ${sweep.scores[state.score].text}.${marks}`,
    ];
  }
  if (state.show === "function")
    return [`Horizontal: ${sweep.rows.columns[0]}, vertical: the target.${marks}`];
  if (state.show === "answer" && state.asked === null) return ["Set inputs below."];
  if (sweep.rows.classes === null) {
    const [low, high] = targetRange(sweep);
    return [...scale(DIVERGING, numberText(low), numberText(high)), marks];
  }
  const shown = sweep.rows.classes.slice(0, 12).flatMap((name, label) => key(classColor(label), name));
  return [...shown, `; paler: less certain.${marks}`];
}
