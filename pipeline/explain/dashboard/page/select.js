// What is asked for: run dates, a metric, a slice. And the points that answer it.

const state = {
  from: 0,
  to: Math.max(data.dates.length - 1, 0),
  metric: data.headline[0] || "",
  slice: OVERALL,
  challenger: "",
  compared: "",
};

// Points of one variant in the chosen run dates.
function pointsOf(entry) {
  const { variant, series } = entry;
  const found = [];
  for (const place of placesOf(series)) {
    const n = countOf(series, place);
    if (n !== null) {
      found.push({
        variant,
        place,
        n,
        role: roleAt(variant, place),
        value: scaled(series, "value", place),
        low: bound(series, "low", "value", place),
        high: bound(series, "high", "value", place),
        note: saying(series, "note", place),
        version: nameOf(series.version),
      });
    }
  }
  return found;
}

const variantsOf = (metric, slice) => {
  const found = new Map();
  for (const entry of seriesOf(metric, slice)) {
    found.set(entry.variant, [...(found.get(entry.variant) || []), ...pointsOf(entry)]);
  }
  for (const points of found.values()) points.sort((a, b) => a.place - b.place);
  return found;
};

// What consumers read: on each run date the point of its champion.
function championPoints(metric, slice) {
  const found = [];
  for (const points of variantsOf(metric, slice).values()) {
    found.push(...points.filter((point) => point.role === "champion"));
  }
  return found.sort((a, b) => a.place - b.place);
}

// The last run date in the range with an evaluation, as a place; -1 where there is none.
function lastEvaluated() {
  let last = -1;
  for (const points of variantsOf(state.metric, OVERALL).values()) {
    for (const point of points) last = Math.max(last, point.place);
  }
  return last;
}

// One point for each slice of a metric on a run date, by its champion.
function slicePoints(metric, place) {
  const found = [];
  for (const [key, slice] of slices) {
    for (const { variant, series } of seriesOf(metric, key)) {
      const n = countOf(series, place);
      if (n === null || n === undefined || roleAt(variant, place) !== "champion") continue;
      found.push({
        key,
        slice,
        n,
        value: scaled(series, "value", place),
        low: bound(series, "low", "value", place),
        high: bound(series, "high", "value", place),
        note: saying(series, "note", place),
        version: nameOf(series.version),
      });
    }
  }
  return found;
}

const inRange = (time) => times.length > 0 && times[state.from] <= time && time <= times[state.to];
const verdicts = data.verdicts.map((each) => ({
  ...each,
  time: Date.parse(`${each.date}T00:00:00Z`),
  champion: nameOf(each.champion),
  challenger: nameOf(each.challenger),
  verdict: nameOf(each.verdict),
  reason: nameOf(each.reason),
}));

const direction = (metric) => ({ higher: 1, lower: -1 })[metrics.get(metric)?.better] || 0;
const mean = (numbers) => (numbers.length ? numbers.reduce((sum, each) => sum + each, 0) / numbers.length : null);
function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length ? (sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2) : null;
}

// The places of a series in the chosen run dates.
function placesOf(series) {
  const [first, last] = [Math.max(state.from, series.start), Math.min(state.to, lastOf(series))];
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, index) => first + index);
}
