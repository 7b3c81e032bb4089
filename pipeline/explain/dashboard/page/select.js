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

// Return the place of the last evaluated run date in the range; -1 if there is none.
function lastEvaluated() {
  const points = [...variantsOf(state.metric, OVERALL).values()].flat();
  return Math.max(-1, ...points.map((point) => point.place));
}

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
