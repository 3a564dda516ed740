// Columns of a file as inputs of a network, and back.
//
// A field is the JSON of a column from contents.py. Its value is a number, the place of a word (the number of
// words for any other word), or null for a missing number. Inputs are those of one row, standardized.

/** Sets the inputs of a field to its value, as `transform` in jfnn/datasets/columns.py does. */
function setField(inputs, { first, words, median, mean, scale }, value) {
  let numbers = [value];
  if (words !== null) numbers = words.map((_, i) => Number(i === value));
  else if (median !== null) numbers = [value ?? median, Number(value === null)];
  numbers.forEach((number, i) => (inputs[first + i] = (number - mean[i]) / scale[i]));
}

/** The value of a field in some inputs. */
function fieldValue(inputs, { first, words, median, mean, scale }) {
  const number = (i) => inputs[first + i] * scale[i] + mean[i];
  if (words !== null) {
    const place = words.findIndex((_, i) => number(i) > 0.5);
    return place < 0 ? words.length : place;
  }
  return median !== null && number(1) > 0.5 ? null : number(0);
}

/** Inputs from a value of each field. */
function inputsOfFields(fields, values) {
  const inputs = new Float32Array(fields.reduce((count, { mean }) => count + mean.length, 0));
  fields.forEach((field, i) => setField(inputs, field, values[i]));
  return inputs;
}

/** Inputs as text: the value of each field, empty where a number is missing. */
function fieldsText(fields, inputs) {
  return fields
    .map((field) => fieldValue(inputs, field))
    .map((value) => (value === null ? "" : String(rounded(value))))
    .join("_");
}

/** Inputs of such a text, or null. */
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
