// Inputs for all networks: an image drawn by hand, a value for each column, or a row of the page.

const MOST_FIELDS = 64;

/** Creates the input elements; `ask(inputs)` is called at every change. */
function buildAsk(sweep, ask) {
  const { picture, fields, note } = sweep.rows;
  const parts = [];
  const notes = note === null ? [] : [note];
  if (picture !== null) parts.push(inkCanvas(sweep, ask));
  else if (fields.length <= MOST_FIELDS) parts.push(controls(sweep, ask));
  else notes.push(`There are no sliders, because there are ${fields.length} columns: choose a row.`);
  parts.push(buttons(sweep, ask));
  parts.push(element("p", { className: "notes" }, notes.join(" ")));
  document.getElementById("ask").replaceChildren(...parts);
}

/** A canvas to draw on with the mouse, a finger, or the arrow keys and the space bar. */
function inkCanvas(sweep, ask) {
  const [, height, width] = sweep.rows.picture;
  const label = "Draw here, or move with the arrow keys and draw with the space bar";
  const canvas = canvasOf(1, 1, {
    className: "ink",
    tabIndex: 0,
    role: "img",
    title: label,
    ariaLabel: label,
    id: "ink",
  });
  canvas.style.aspectRatio = `${width} / ${height}`;
  const pen = { x: (width - 1) / 2, y: (height - 1) / 2 };
  const draw = (x, y) => {
    const inputs = currentState().asked ?? emptyPicture(sweep);
    ask(inked(sweep, inputs, x, y, Math.max(0.75, width / 14)));
  };
  const drawFrom = (event) => {
    const box = canvas.getBoundingClientRect();
    const passed = event.getCoalescedEvents?.() ?? []; // empty at a finger's first touch
    for (const one of passed.length ? passed : [event]) {
      draw(
        ((one.clientX - box.left) / box.width) * width - 0.5,
        ((one.clientY - box.top) / box.height) * height - 0.5,
      );
    }
  };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    drawFrom(event);
  };
  canvas.onpointermove = (event) => event.buttons && drawFrom(event);
  canvas.onkeydown = (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], " ": [0, 0] }[
      event.key
    ];
    if (move === undefined) return;
    event.preventDefault();
    pen.x = Math.min(width - 1, Math.max(0, pen.x + move[0]));
    pen.y = Math.min(height - 1, Math.max(0, pen.y + move[1]));
    if (event.key === " ") draw(pen.x, pen.y);
  };
  return canvas;
}

function emptyPicture(sweep) {
  return new Float32Array(sweep.rows.columns.length).fill(sweep.rows.low.reduce((a, b) => Math.min(a, b)));
}

/** Adds ink around a point of the image: full within half the radius, fading outside. */
function inked(sweep, inputs, x, y, radius) {
  const [channels, height, width] = sweep.rows.picture;
  const low = sweep.rows.low.reduce((a, b) => Math.min(a, b));
  const high = sweep.rows.high.reduce((a, b) => Math.max(a, b));
  const made = Float32Array.from(inputs);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const distance = Math.hypot(column - x, row - y) / radius;
      const light = low + (high - low) * Math.min(1, Math.max(0, 1.5 - distance));
      for (let channel = 0; channel < channels; channel++) {
        const place = (channel * height + row) * width + column;
        made[place] = Math.max(made[place], light);
      }
    }
  }
  return made;
}

/** Controls for each field: a menu of words, or a slider and a text box for a number that may be missing. */
function controls(sweep, ask) {
  const box = element("div", { className: "fields" });
  sweep.rows.fields.forEach((field, i) => {
    const set = (value) => {
      const inputs = Float32Array.from(currentState().asked ?? startInputs(sweep));
      setField(inputs, field, value);
      ask(inputs);
    };
    const label = element("label", { htmlFor: `input-${i}` }, field.name);
    const made = field.words === null ? numberControls(sweep, field, i, set) : [wordMenu(field, i, set)];
    box.append(label, ...made);
  });
  return box;
}

function wordMenu({ words }, i, set) {
  const options = [...words, "(another)"].map((word) => element("option", {}, word));
  const menu = element("select", { id: `input-${i}` }, ...options);
  menu.onchange = () => set(menu.selectedIndex);
  return menu;
}

function numberControls(sweep, field, i, set) {
  const ends = endsOf(sweep, field.first).map((end) => end * field.scale[0] + field.mean[0]);
  const step = 10 ** Math.floor(Math.log10((ends[1] - ends[0]) / 100));
  const [min, max] = [Math.floor(ends[0] / step), Math.ceil(ends[1] / step)].map((end) => rounded(end * step));
  const slider = element("input", { type: "range", id: `input-${i}`, min, max, step });
  const typed = element("input", { type: "number", step: "any", ariaLabel: `${field.name} as a number` });
  for (const input of [slider, typed]) {
    input.oninput = () => Number.isFinite(input.valueAsNumber) && set(input.valueAsNumber);
  }
  const rest = element("span", {}, typed);
  if (field.median !== null) {
    const missing = element("input", { type: "checkbox", ariaLabel: `${field.name} is missing` });
    missing.onchange = () => set(missing.checked ? null : field.median);
    rest.append(element("label", {}, missing, "missing"));
  }
  return [slider, rest];
}

/** The inputs of a typical row. */
function startInputs({ rows: { fields } }) {
  return inputsOfFields(
    fields,
    fields.map(({ start }) => start),
  );
}

/** Shows the values of all fields, but leaves a focused text box unchanged. */
function showFields(sweep, inputs) {
  sweep.rows.fields.forEach((field, i) => {
    const control = document.getElementById(`input-${i}`);
    if (control === null) return;
    const value = fieldValue(inputs, field);
    if (field.words !== null) {
      control.selectedIndex = value;
      return;
    }
    const [typed, missing] = control.nextElementSibling.querySelectorAll("input");
    control.value = value ?? field.median;
    if (typed !== document.activeElement) typed.value = value === null ? "" : rounded(value);
    if (missing !== undefined) missing.checked = value === null;
  });
}

/** Buttons to choose a row or clear the inputs, and a check box for the networks that vote. */
function buttons(sweep, ask) {
  let row = -1;
  const next = element("button", { type: "button", id: "next-row" }, `Next ${sweep.rows.part} row`);
  next.onclick = () => {
    row = (row + 1) % sweep.rows.count;
    ask(Float32Array.from(inputsOf(sweep, row)));
  };
  const clear = element("button", { type: "button", id: "clear" }, "Clear");
  clear.onclick = () => ask(null);
  const voters = element("input", { type: "checkbox", id: "voters" });
  voters.onchange = () => change({ voters: voters.checked ? "better" : "all" });
  const text = `only networks better than a constant prediction on the ${sweep.rows.part} rows`;
  return element("div", { className: "buttons" }, next, clear, element("label", {}, voters, text));
}

/** Shows the inputs, and the vote of the networks on the map. */
function showAsk(sweep, state) {
  const canvas = document.getElementById("ink");
  if (canvas !== null) paintPicture(sweep, canvas, state.asked ?? emptyPicture(sweep));
  else showFields(sweep, state.asked ?? startInputs(sweep));
  document.getElementById("voters").checked = state.voters === "better";
  document.getElementById("answer").textContent = voteText(sweep, state);
}

/** The vote in words, of all networks on the map that have not diverged, or of the better ones. */
function voteText(sweep, state) {
  if (state.asked === null) {
    return sweep.rows.picture === null
      ? "Set the inputs or choose a row."
      : "Draw or choose a row: every cell shows its prediction.";
  }
  const shown = places(sweep, state).members.filter((index) => !hasDiverged(sweep, index, state.epoch));
  if (shown.length === 0) return "No prediction: all networks diverged.";
  const voters =
    state.voters === "all" ? shown : shown.filter((index) => beatsConstant(sweep, index, state.epoch));
  if (voters.length === 0) return "No network on the map is better than a constant prediction.";
  const left = shown.length - voters.length;
  const rest = left > 0 ? ` ${left} excluded as no better than a constant prediction.` : "";
  const given = voters.map((index) => answersOf(sweep, index, state.epoch, state.asked, 1));
  const text = sweep.rows.classes === null ? meanText(sweep, given) : countText(sweep, given);
  return text + rest;
}

/** The mean and standard deviation of the networks' predictions of the first target. */
function meanText(sweep, given) {
  const first = given.map((answer) => answer[0]);
  const mean = first.reduce((sum, value) => sum + value, 0) / first.length;
  const variance = first.reduce((sum, value) => sum + (value - mean) ** 2, 0) / first.length;
  const name = sweep.rows.target === null ? "Mean" : `${sweep.rows.target}, mean`;
  return `${name} of ${first.length} networks: ${numberText(mean)}, standard deviation ${numberText(Math.sqrt(variance))}.`;
}

/** The votes for each class, and the class with the most votes. */
function countText(sweep, given) {
  const votes = sweep.rows.classes.map((name) => ({ name, count: 0 }));
  for (const answer of given) votes[classOf(answer).label].count += 1;
  const order = votes.filter(({ count }) => count > 0).sort((a, b) => b.count - a.count);
  const most = order[0].count;
  const best = order.filter(({ count }) => count === most).map(({ name }) => name);
  const texts = order.map(({ name, count }) => `${name} (${count})`).join(", ");
  if (best.length === 1) return `${best[0]} by a vote of ${given.length} networks: ${texts}.`;
  const names = `${best.slice(0, -1).join(", ")} and ${best[best.length - 1]}`;
  return `${names} tie with ${most} vote${most > 1 ? "s" : ""} each from ${given.length} networks: ${texts}.`;
}
