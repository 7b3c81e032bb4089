// Reading the data: series of numbers over run dates, texts by number.

const parsed = (id) => JSON.parse(document.getElementById(id).textContent);
const data = parsed("data");
const specs = parsed("charts");
const DAY = 86400000;
const times = data.dates.map((date) => Date.parse(`${date}T00:00:00Z`));
const metrics = new Map(data.metrics.map((metric) => [metric.name, metric]));
const OVERALL = "";

const nameOf = (number) => data.names[number];

// The number of a column at a run date's place, or null.
function scaled(series, column, place) {
  const found = series[column][place - series.start];
  return found === null || found === undefined ? null : found / 10 ** series.decimals;
}

function plain(series, column, place) {
  const found = series[column][place - series.start];
  return found === undefined ? null : found;
}

function saying(series, column, place) {
  const found = series[column][place];
  return found === undefined ? "" : nameOf(found);
}

function countOf(series, place) {
  const counts = typeof series.n === "number" ? data.measured[series.n].n : series.n;
  return counts[place - series.start] ?? null;
}

const sliceKey = (series) => {
  const name = nameOf(series.slice_name);
  return name === "" ? OVERALL : JSON.stringify([name, nameOf(series.slice_value)]);
};

// Series of metrics by metric and slice: [{variant, series}].
const measured = new Map();
for (const series of data.measured) {
  const key = JSON.stringify([nameOf(series.metric), sliceKey(series)]);
  if (!measured.has(key)) measured.set(key, []);
  measured.get(key).push({ variant: nameOf(series.variant), series });
}
const seriesOf = (metric, slice) => measured.get(JSON.stringify([metric, slice])) || [];

// Slices by key, in the order of their names and values.
const slices = new Map();
for (const series of data.measured) {
  const key = sliceKey(series);
  if (key !== OVERALL) slices.set(key, { name: nameOf(series.slice_name), value: nameOf(series.slice_value) });
}

const spans = data.roles.map((span) => ({
  variant: nameOf(span.variant),
  role: span.role,
  from: data.dates.indexOf(span.from),
  to: data.dates.indexOf(span.to),
}));
const roleAt = (variant, place) =>
  spans.find((span) => span.variant === variant && span.from <= place && place <= span.to)?.role || "challenger";
const championAt = (place) => spans.find((span) => span.role === "champion" && span.from <= place && place <= span.to)?.variant;
