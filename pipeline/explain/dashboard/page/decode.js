// Reads the data: series of numbers over run dates, and texts by number.

const parsed = (id) => JSON.parse(document.getElementById(id).textContent);
const data = parsed("data");
const specs = parsed("charts");
const DAY = 86400000;
const times = data.dates.map((date) => Date.parse(`${date}T00:00:00Z`));
const metrics = new Map(data.metrics.map((metric) => [metric.name, metric]));
const OVERALL = "";

const nameOf = (number) => data.names[number];

const lastOf = (series) => series.start + series.days - 1;

// Return a column's number at the place of a run date, or null. A column that is one number has it at every place.
function plain(series, column, place) {
  if (place < series.start || place > lastOf(series)) return null;
  const numbers = series[column];
  return Array.isArray(numbers) ? numbers[place - series.start] : numbers;
}

function scaled(series, column, place) {
  const number = plain(series, column, place);
  return number === null ? null : number / 10 ** series.decimals;
}

// Return a bound, which is stored as the difference to another column.
function bound(series, column, base, place) {
  const [difference, middle] = [plain(series, column, place), plain(series, base, place)];
  return difference === null || middle === null ? null : (middle + difference) / 10 ** series.decimals;
}

function textAt(series, column, place) {
  const span = series[column].find(([first, last]) => first <= place && place <= last);
  return span ? nameOf(span[2]) : "";
}

const countOf = (series, place) => plain(series.n_of === undefined ? series : data.measured[series.n_of], "n", place);

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

// Slices by key, sorted by name and value.
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
const rolesOf = new Map();
const champions = [];
for (const { variant, role, from, to } of spans) {
  if (!rolesOf.has(variant)) rolesOf.set(variant, []);
  for (let place = from; place <= to; place += 1) {
    rolesOf.get(variant)[place] = role;
    if (role === "champion") champions[place] = variant;
  }
}
const roleAt = (variant, place) => rolesOf.get(variant)?.[place] || "challenger";
const championAt = (place) => champions[place];
