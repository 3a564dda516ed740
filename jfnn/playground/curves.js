// Curves over the epochs, with axes.

/** Draws curves over epochs, on logarithmic axes if suitable: `{points: [[epoch, value], …], color, width}`. */
function drawCurves(canvas, curves, { logarithmic, marked, label }) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [340, 210];
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.width = `${width}px`;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  const box = { left: 46, right: width - 14, top: 8, bottom: height - 34 };
  const epochs = curves.flatMap((curve) => curve.points.map(([epoch]) => epoch));
  const values = curves
    .flatMap((curve) => curve.points.map(([, value]) => value))
    .filter((value) => Number.isFinite(value) && (!logarithmic || value > 0));
  const across = scaleOf(epochs, box.left, box.right, false);
  const down = scaleOf(values, box.bottom, box.top, logarithmic);
  context.font = "11px system-ui, sans-serif";
  context.fillStyle = styleOf("--quiet");
  context.textAlign = "right";
  for (const value of ticksOf(values, logarithmic)) {
    context.fillText(shortText(value), box.left - 5, down(value) + 4);
    line(
      context,
      [
        [box.left, down(value)],
        [box.right, down(value)],
      ],
      styleOf("--line"),
      1,
    );
  }
  context.textAlign = "center";
  for (const epoch of ticksOf(epochs, false))
    context.fillText(shortText(epoch), across(epoch), box.bottom + 14);
  context.fillText(label, (box.left + box.right) / 2, height - 4);
  context.setLineDash([4, 4]);
  line(
    context,
    [
      [across(marked), box.top],
      [across(marked), box.bottom],
    ],
    styleOf("--quiet"),
    1,
  );
  context.setLineDash([]);
  for (const { points, color, width: thick } of curves) {
    line(
      context,
      points.map(([epoch, value]) => [across(epoch), down(value)]),
      color,
      thick,
    );
  }
}

/** A function that maps values to positions between two ends. */
function scaleOf(values, from, to, logarithmic) {
  const of = (value) => (logarithmic ? Math.log10(value) : value);
  const low = of(values.reduce((a, b) => Math.min(a, b), Infinity));
  const high = of(values.reduce((a, b) => Math.max(a, b), -Infinity));
  const span = high - low || 1;
  return (value) => from + ((of(value) - low) / span) * (to - from);
}

/** A few round values for an axis: multiples of 1, 2 or 5 times a power of ten; powers of ten if logarithmic. */
function ticksOf(values, logarithmic) {
  if (values.length === 0) return [];
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  if (low === high) return [low];
  if (logarithmic && high / low > 30) {
    const powers = Array.from({ length: 40 }, (_, i) => 10 ** (i - 20));
    return powers.filter((value) => value >= low && value <= high);
  }
  const steps = [1, 2, 5].flatMap((digit) => Array.from({ length: 40 }, (_, i) => digit * 10 ** (i - 20)));
  const step = steps.sort((a, b) => a - b).find((size) => (high - low) / size <= 5);
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}
