// The page: its state, its controls, and updates when they change. Views can be shared: the state is stored in
// the address after "#".

const FRAME = 600; // milliseconds per epoch during playback
let sweep = null;
let state = null;
let playing = null;

/** The current state, for handlers created earlier. */
function currentState() {
  return state;
}

/** Changes the state and the address, and redraws the page in the next frame. */
function change(changes, isNewMap = false) {
  state = { ...state, ...changes };
  if (isNewMap) buildMap(sweep, state, choose);
  buildChoices();
  requestAnimationFrame(show);
  history.replaceState(null, "", `#${written()}`);
}

/** Selects a member. */
function choose(index) {
  change({ at: index });
}

/** Shows all networks' predictions for inputs on the map, or with null what it showed before. */
function ask(inputs) {
  if (inputs === null) change({ asked: null, show: state.show === "answer" ? state.before : state.show });
  else change({ asked: inputs, show: "answer", before: state.show === "answer" ? state.before : state.show });
}

/** Shows the state in all parts of the page. */
function show() {
  const epoch = document.getElementById("epoch");
  epoch.value = String(state.epoch);
  epoch.setAttribute("aria-valuetext", `epoch ${sweep.epochs[state.epoch]}`);
  document.getElementById("epoch-text").textContent = sweep.epochs[state.epoch];
  showMap(sweep, state);
  showCell(sweep, state, ask);
  showAsk(sweep, state);
}

/** The state as text. */
function written() {
  const words = {
    down: state.down < 0 ? "none" : sweep.axes[state.down].name,
    across: sweep.axes[state.across].name,
    at: state.at.join("-"),
    epoch: sweep.epochs[state.epoch],
    show: state.show,
    score: state.score,
    label: state.label,
    voters: state.voters,
  };
  if (state.asked !== null) {
    const { picture, fields } = sweep.rows;
    words.asked = picture === null ? fieldsText(fields, state.asked) : inHex(state.asked);
  }
  return new URLSearchParams(words).toString();
}

/** The state in a text, with the initial state for parts that do not suit this sweep. */
function read(text) {
  const first = beginning();
  const words = Object.fromEntries(new URLSearchParams(text));
  const axis = (name) => sweep.axes.findIndex((one) => one.name === name);
  const at = (words.at ?? "").split("-").map(Number);
  const isMember = at.length === sweep.axes.length && at.every((number, i) => number in sweep.axes[i].texts);
  const across = axis(words.across) < 0 ? first.across : axis(words.across);
  const down = words.down === "none" ? -1 : axis(words.down) < 0 ? first.down : axis(words.down);
  const epoch = sweep.epochs.indexOf(Number(words.epoch));
  const label = Number(words.label ?? 0);
  const { picture, fields } = sweep.rows;
  const asked = picture === null ? inputsOfText(fields, words.asked ?? "") : fromHex(words.asked ?? "");
  const fits = words.show in MAP_PICTURES && MAP_PICTURES[words.show].fits(sweep);
  return {
    down: down === across ? -1 : down,
    across,
    at: isMember ? at : first.at,
    epoch: epoch < 0 ? first.epoch : epoch,
    show: fits && (words.show !== "answer" || asked !== null) ? words.show : first.show,
    before: first.show,
    score: words.score in sweep.scores ? words.score : first.score,
    label: sweep.rows.classes !== null && label in sweep.rows.classes ? label : 0,
    voters: words.voters === "all" ? "all" : first.voters,
    asked,
  };
}

/** The initial state: the best cell at the last epoch. */
function beginning() {
  const long = sweep.axes.map((_, i) => i).filter((i) => sweep.axes[i].texts.length > 1);
  const [first, second] = [...long.filter((i) => i >= sweep.leading && i < sweep.cell_axes), ...long, 0];
  const isPlane = long.length > 1;
  const at = sweep.axes.map(() => 0);
  if (sweep.ranking.length) sweep.ranking[0].cell.forEach((number, i) => (at[i] = number));
  const show = Object.keys(MAP_PICTURES).find((name) => MAP_PICTURES[name].fits(sweep));
  return {
    down: isPlane ? first : -1,
    across: isPlane ? second : first,
    at,
    epoch: sweep.epochs.length - 1,
    show,
    before: show,
    score: sweep.ranked_by,
    label: 0,
    voters: "better",
    asked: null,
  };
}

/** An image as text: two digits per input, scaled to somewhat more than the range of the training rows. */
function inHex(inputs) {
  return Array.from(inputs, (value, i) => {
    const [low, high] = endsOf(sweep, i);
    const level = Math.round((255 * (value - low)) / (high - low));
    return Math.min(255, Math.max(0, level)).toString(16).padStart(2, "0");
  }).join("");
}

/** The inputs in such a text, or null. */
function fromHex(text) {
  if (text.length !== 2 * sweep.rows.columns.length || !/^[0-9a-f]+$/.test(text)) return null;
  return Float32Array.from({ length: text.length / 2 }, (_, i) => {
    const [low, high] = endsOf(sweep, i);
    return low + (parseInt(text.slice(2 * i, 2 * i + 2), 16) / 255) * (high - low);
  });
}

/** Creates the controls above the map. */
function buildChoices() {
  const axisNames = sweep.axes.map((axis, i) => [i, axis.label]);
  const shown = new Set([state.down, state.across]);
  const choices = [];
  if (sweep.axes.length > 1) {
    choices.push(
      select("down", "down", [[-1, "none"], ...axisNames], state.down, (i) =>
        change(placed("down", i), true),
      ),
      select("across", "across", axisNames, state.across, (i) => change(placed("across", i), true)),
    );
  }
  sweep.axes.forEach((axis, i) => {
    if (shown.has(i) || axis.texts.length < 2) return;
    const values = axis.texts.map((text, j) => [j, text]);
    choices.push(
      select(`at-${i}`, axis.label, values, state.at[i], (j) =>
        change({ at: state.at.map((number, k) => (k === i ? j : number)) }),
      ),
    );
  });
  const pictures = Object.entries(MAP_PICTURES)
    .filter(([, one]) => one.fits(sweep))
    .map(([name, one]) => [name, one.text]);
  choices.push(
    select("show", "show", pictures, state.show, (name) =>
      change({ show: name, before: name === "answer" ? state.before : name }),
    ),
  );
  const scores = Object.entries(sweep.scores).map(([name, score]) => [name, score.text]);
  choices.push(select("score", "score", scores, state.score, (name) => change({ score: name })));
  if (state.show === "mean") {
    choices.push(
      select(
        "label",
        "class",
        sweep.rows.classes.map((name, i) => [i, name]),
        state.label,
        (i) => change({ label: i }),
      ),
    );
  }
  const focused = document.activeElement?.id;
  document.getElementById("choices").replaceChildren(...choices);
  if (focused) document.getElementById(focused)?.focus();
}

/** The axes of the map after assigning one to a side; the other side changes if it had the same axis. */
function placed(place, axis) {
  const other = place === "down" ? "across" : "down";
  if (axis !== state[other]) return { [place]: axis };
  const left = state[place] >= 0 ? state[place] : sweep.axes.findIndex((_, i) => i !== axis);
  return { [place]: axis, [other]: left };
}

/** Creates a menu of values `[value, text]`. */
function select(id, text, values, chosen, changed) {
  const options = values.map(([value, name]) =>
    element("option", { value, selected: value === chosen }, name),
  );
  const made = element("select", { id }, ...options);
  made.onchange = () => changed(values[made.selectedIndex][0]);
  return element("label", {}, text, made);
}

/** Advances to the next epoch, and stops at the last one. */
function step() {
  if (state.epoch === sweep.epochs.length - 1) play(false);
  else change({ epoch: state.epoch + 1 });
}

/** Starts or stops the playback, which restarts at the last epoch. */
function play(isOn) {
  clearInterval(playing);
  playing = isOn ? setInterval(step, FRAME) : null;
  const button = document.getElementById("play");
  button.textContent = isOn ? "❚❚ Pause" : "▶ Play";
  button.setAttribute("aria-pressed", String(isOn));
  if (isOn && state.epoch === sweep.epochs.length - 1) change({ epoch: 0 });
}

/** Shows a table of all cells, best first. */
function buildTable() {
  const axes = sweep.axes.slice(0, sweep.cell_axes);
  const name = sweep.ranked_by;
  const head = ["", ...axes.map((axis) => axis.label), sweep.scores[name].text, "interval"];
  const row = (cells) => element("tr", {}, ...cells.map((text) => element("td", {}, text)));
  const ranked = sweep.ranking.map(({ cell, mean, low, high }, i) => {
    const ends = low === null ? "" : `${scoreText(sweep, name, low)} to ${scoreText(sweep, name, high)}`;
    return row([
      `${i + 1}.`,
      ...cell.map((at, axis) => axes[axis].texts[at]),
      scoreText(sweep, name, mean),
      ends,
    ]);
  });
  const count = axes.reduce((product, axis) => product * axis.texts.length, 1);
  const rest = count - sweep.ranking.length;
  const headings = element("tr", {}, ...head.map((text) => element("th", { scope: "col" }, text)));
  const table = element("table", {}, element("thead", {}, headings), element("tbody", {}, ...ranked));
  const note =
    rest > 0
      ? element("p", { className: "notes" }, `${rest} cells diverged with some seed and are not ranked.`)
      : "";
  document.getElementById("table").replaceChildren(table, note);
}

/** Sets the theme, "light" or "dark". */
function setTheme(name) {
  document.documentElement.dataset.theme = name;
}

/** Opens the page. */
function open() {
  sweep = decoded(JSON.parse(document.getElementById("sweep").textContent));
  const dark = matchMedia("(prefers-color-scheme: dark)");
  setTheme(dark.matches ? "dark" : "light");
  dark.onchange = () => {
    setTheme(dark.matches ? "dark" : "light");
    show();
  };
  document.getElementById("theme").onclick = () => {
    setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    show();
  };
  const epoch = document.getElementById("epoch");
  epoch.max = String(sweep.epochs.length - 1);
  epoch.oninput = () => {
    play(false);
    change({ epoch: Number(epoch.value) });
  };
  document.getElementById("play").onclick = () => play(playing === null);
  document.querySelector(".timeline").hidden = sweep.epochs.length < 2;
  window.onhashchange = () => change(read(location.hash.slice(1)), true);
  state = read(location.hash.slice(1));
  buildTable();
  buildAsk(sweep, ask);
  buildMap(sweep, state, choose);
  buildChoices();
  show();
}

open();
