// Conversion between columns of a file and inputs of a network.
//
// A field is the JSON of a column from contents.py. Its value is a number, the index of a word (the number of
// words for an unknown word), or null for a missing number. Inputs are one standardized row.

/** Sets the inputs of a field to its value, like `transform` in jfnn/datasets/columns.py. */
function setField(inputs, { first, words, median, mean, scale }, value) {
  let numbers = [value];
  if (words !== null) numbers = words.map((_, i) => Number(i === value));
  else if (median !== null) numbers = [value ?? median, Number(value === null)];
  numbers.forEach((number, i) => (inputs[first + i] = (number - mean[i]) / scale[i]));
}

/** The value of a field, from the inputs. */
function fieldValue(inputs, { first, words, median, mean, scale }) {
  const number = (i) => inputs[first + i] * scale[i] + mean[i];
  if (words !== null) {
    const place = words.findIndex((_, i) => number(i) > 0.5);
    return place < 0 ? words.length : place;
  }
  return median !== null && number(1) > 0.5 ? null : number(0);
}

/** The inputs for a value of each field. */
function inputsOfFields(fields, values) {
  const inputs = new Float32Array(fields.reduce((count, { mean }) => count + mean.length, 0));
  fields.forEach((field, i) => setField(inputs, field, values[i]));
  return inputs;
}

/** Inputs as text: the value of each field, empty for a missing number. */
function fieldsText(fields, inputs) {
  return fields
    .map((field) => fieldValue(inputs, field))
    .map((value) => (value === null ? "" : String(rounded(value))))
    .join("_");
}

/** The inputs in such a text, or null. */
function inputsOfText(fields, text) {
  const texts = text.split("_");
  const values = texts.map((one) => (one === "" ? null : Number(one)));
  const isValue = ({ words, median }, value) => {
    if (value === null) return median !== null;
    return words === null ? Number.isFinite(value) : value in [...words, ""];
  };
  const fits = texts.length === fields.length && fields.every((field, i) => isValue(field, values[i]));
  return fits ? inputsOfFields(fields, values) : null;
}

/** A number without the rounding errors of float32. */
function rounded(value) {
  return Number(value.toPrecision(6));
}
