// Asking all networks: a picture drawn by hand, inputs set by sliders, or a row of the page.

const MOST_SLIDERS = 64;

/** Elements to ask with; `ask(inputs)` is called with every change. */
function buildAsk(sweep, ask) {
  const parts = [];
  if (sweep.rows.picture !== null) parts.push(inkCanvas(sweep, ask));
  else if (sweep.rows.columns.length <= MOST_SLIDERS) parts.push(sliders(sweep, ask));
  parts.push(buttons(sweep, ask));
  document.getElementById("ask").replaceChildren(...parts);
}

/** A canvas to draw on, by mouse, finger or arrow keys and space. */
function inkCanvas(sweep, ask) {
  const [, height, width] = sweep.rows.picture;
  const label = "Draw here; or move with the arrow keys, space draws";
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
    const passed = event.getCoalescedEvents?.() ?? []; // of a finger's first touch none
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

/** Inputs with ink around a point of the picture: full within half the radius, less farther away. */
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

/** A slider for each input. */
function sliders(sweep, ask) {
  const box = element("div", { className: "sliders" });
  sweep.rows.columns.forEach((name, i) => {
    const [low, high] = endsOf(sweep, i);
    const slider = element("input", {
      type: "range",
      id: `input-${i}`,
      min: low,
      max: high,
      step: (high - low) / 500,
    });
    slider.oninput = () => {
      const inputs = Float32Array.from(currentState().asked ?? middle(sweep));
      inputs[i] = Number(slider.value);
      ask(inputs);
    };
    box.append(
      element("label", { htmlFor: slider.id }, name),
      slider,
      element("output", { htmlFor: slider.id }),
    );
  });
  return box;
}

/** Inputs amid the rows to train on. */
function middle(sweep) {
  return sweep.rows.low.map((low, i) => (low + sweep.rows.high[i]) / 2);
}

/** Buttons that ask about a row of the page, or about nothing. */
function buttons(sweep, ask) {
  let row = -1;
  const next = element("button", { type: "button", id: "next-row" }, `A ${sweep.rows.part} row`);
  next.onclick = () => {
    row = (row + 1) % sweep.rows.count;
    ask(Float32Array.from(inputsOf(sweep, row)));
  };
  const clear = element("button", { type: "button", id: "clear" }, "Clear");
  clear.onclick = () => ask(null);
  return element("div", { className: "buttons" }, next, clear);
}

/** Shows what is asked, and the vote of all networks on the map that have not diverged. */
function showAsk(sweep, state) {
  const canvas = document.getElementById("ink");
  if (canvas !== null) paintPicture(sweep, canvas, state.asked ?? emptyPicture(sweep));
  const asked = state.asked ?? middle(sweep);
  document.querySelectorAll(".sliders input").forEach((slider, i) => {
    slider.value = asked[i];
    slider.nextElementSibling.textContent = numberText(asked[i]);
  });
  document.getElementById("answer").textContent = voteText(sweep, state);
}

/** The vote in words. */
function voteText(sweep, state) {
  if (state.asked === null) {
    return sweep.rows.picture === null
      ? "Set inputs, or take a row."
      : "Draw, or take a row: every cell answers.";
  }
  const members = places(sweep, state).members.filter((index) => !hasDiverged(sweep, index, state.epoch));
  const given = members.map((index) => answersOf(sweep, index, state.epoch, state.asked, 1));
  const finite = given.filter((answer) => !answer.some(Number.isNaN));
  if (finite.length === 0) return "No network answers: all diverged.";
  if (sweep.rows.classes === null) {
    const first = finite.map((answer) => answer[0]);
    const mean = first.reduce((sum, value) => sum + value, 0) / first.length;
    const variance = first.reduce((sum, value) => sum + (value - mean) ** 2, 0) / first.length;
    return `${first.length} networks: mean ${numberText(mean)}, standard deviation ${numberText(Math.sqrt(variance))}.`;
  }
  const votes = sweep.rows.classes.map(() => 0);
  for (const answer of finite) votes[classOf(answer).label] += 1;
  const order = votes.map((count, label) => [count, label]).sort((a, b) => b[0] - a[0] || a[1] - b[1]);
  const texts = order
    .filter(([count]) => count > 0)
    .map(([count, label]) => `${sweep.rows.classes[label]} (${count})`);
  return `${sweep.rows.classes[order[0][1]]} by the vote of ${finite.length} networks: ${texts.join(", ")}.`;
}
