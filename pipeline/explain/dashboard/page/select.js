// The selection of run dates, metric and slice, and its points.

const state = {
  from: 0,
  to: Math.max(data.dates.length - 1, 0),
  metric: data.headline[0] || "",
  slice: OVERALL,
  challenger: "",
  compared: "",
};

// Return the value of a series on a run date, with its interval, note and SQL version.
const numbersOf = (series, place) => ({
  value: scaled(series, "value", place),
  low: bound(series, "low", "value", place),
  high: bound(series, "high", "value", place),
  note: textAt(series, "note", place),
  version: nameOf(series.version),
});

// Return the points of one variant in the selected run dates.
function pointsOf(entry) {
  const { variant, series } = entry;
  return placesOf(series)
    .map((place) => ({ variant, place, n: countOf(series, place), role: roleAt(variant, place), ...numbersOf(series, place) }))
    .filter((point) => point.n !== null);
}

const variantsOf = (metric, slice) => {
  const variants = new Map();
  for (const entry of seriesOf(metric, slice)) {
    variants.set(entry.variant, [...(variants.get(entry.variant) || []), ...pointsOf(entry)]);
  }
  for (const points of variants.values()) points.sort((a, b) => a.place - b.place);
  return variants;
};

// Return the point of the champion on each run date: consumers read its predictions.
function championPoints(metric, slice) {
  const points = [...variantsOf(metric, slice).values()].flat();
  return points.filter((point) => point.role === "champion").sort((a, b) => a.place - b.place);
}

// Return the places of the evaluated run dates in the range, in order.
function evaluatedPlaces() {
  const points = [...variantsOf(state.metric, OVERALL).values()].flat();
  return [...new Set(points.map((point) => point.place))].sort((a, b) => a - b);
}

// Return the place of the last evaluated run date in the range; -1 if there is none.
const lastEvaluated = () => evaluatedPlaces().pop() ?? -1;

// Return the champion's points on a run date, one for each slice of a metric.
function slicePoints(metric, place) {
  const points = [];
  for (const [key, slice] of slices) {
    for (const { variant, series } of seriesOf(metric, key)) {
      const n = countOf(series, place);
      if (n === null || n === undefined || roleAt(variant, place) !== "champion") continue;
      points.push({ key, slice, n, ...numbersOf(series, place) });
    }
  }
  return points;
}

const inRange = (time) => times.length > 0 && times[state.from] <= time && time <= times[state.to];
const verdicts = data.verdicts.map((row) => ({
  ...row,
  time: Date.parse(`${row.date}T00:00:00Z`),
  champion: nameOf(row.champion),
  challenger: nameOf(row.challenger),
  verdict: nameOf(row.verdict),
  reason: nameOf(row.reason),
}));

const direction = (metric) => ({ higher: 1, lower: -1 })[metrics.get(metric)?.better] || 0;

// An interval over fewer run dates would say little: Student's t has as many degrees of freedom, less one.
const LEAST_DATES = 7;

// Return the points of several run dates as one number, with its interval; null without a value. Where the metric
// allows it this is the value of all rows as one set, otherwise the mean of the run dates (`way` is empty).
function pooled(metric, points) {
  const known = points.filter((point) => point.value !== null);
  const way = metrics.get(metric)?.pooled || "";
  const weight = (point) => (way ? point.n : 1);
  const total = known.reduce((sum, point) => sum + weight(point), 0);
  if (!total) return null;
  const squared = way === "root_mean_square";
  const part = (point) => (squared ? point.value ** 2 : point.value);
  const centre = known.reduce((sum, point) => sum + weight(point) * part(point), 0) / total;
  const value = squared ? Math.sqrt(centre) : centre;
  const slope = squared ? 1 / (2 * value || 1) : 1;
  const influences = new Map(known.map((point) => [point.place, (slope * weight(point) * (part(point) - centre)) / total]));
  const half = halfOf([...influences.values()]);
  const [low, high] = known.length === 1 ? [known[0].low, known[0].high] : half === null ? [null, null] : [value - half, value + half];
  const n = known.reduce((sum, point) => sum + point.n, 0);
  return { value, low, high, n, way, influences, places: known.map((point) => point.place), points: known };
}

// Return half the 95 % interval of a sum of influences, one for each run date: run dates are the units that vary.
function halfOf(influences) {
  const free = influences.length - 1;
  if (free + 1 < LEAST_DATES) return null;
  const variance = (influences.reduce((sum, part) => sum + part ** 2, 0) * (free + 1)) / free;
  return (1.959963984540054 + 2.372271230298562 / free + 2.8224986157396112 / free ** 2) * Math.sqrt(variance);
}

// Return two variants on the run dates that both have, pooled, and how far the first is ahead; null without such dates.
function compared(metric, ours, theirs) {
  const has = (points) => new Set(points.filter((point) => point.value !== null).map((point) => point.place));
  const [mine, others] = [has(ours), has(theirs)];
  const first = pooled(metric, ours.filter((point) => others.has(point.place)));
  const second = pooled(metric, theirs.filter((point) => mine.has(point.place)));
  if (!first || !second) return null;
  const sign = direction(metric) || 1;
  const gain = sign * (first.value - second.value);
  const half = halfOf(first.places.map((place) => first.influences.get(place) - second.influences.get(place)));
  const theirsAt = new Map(second.points.map((point) => [point.place, point.value]));
  const wins = first.points.filter((point) => sign * (point.value - theirsAt.get(point.place)) > 0).length;
  return { first, second, gain, half, wins };
}

const mean = (numbers) => (numbers.length ? numbers.reduce((sum, number) => sum + number, 0) / numbers.length : null);
function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length ? (sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2) : null;
}

// Return the places of a series in the selected run dates.
function placesOf(series) {
  const [first, last] = [Math.max(state.from, series.start), Math.min(state.to, lastOf(series))];
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, index) => first + index);
}
