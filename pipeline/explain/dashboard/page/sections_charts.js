// Sections with charts: history, slices, calibration.

function historySection() {
  const metric = state.metric;
  const variants = variantsOf(metric, state.slice);
  const champion = championPoints(metric, state.slice).filter((point) => point.value !== null);
  const rows = [];
  for (const point of champion) rows.push({ ...point, series: "champion" });
  for (const [variant, points] of variants) {
    const isDrawn = points.every((point) => point.role === "champion");
    if (!isDrawn) rows.push(...points.map((point) => ({ ...point, series: variant, role: point.role === "baseline" ? "baseline" : "challenger" })));
  }
  const shown = rows.filter((row) => row.value !== null).map((row) => ({
    ...row,
    date: times[row.place],
    tip: tipOf(metric, row, `${shortName(row.variant)}, ${roleAt(row.variant, row.place)}\n${longDay(times[row.place])}`),
  }));
  const slice = chosenSlice();
  fill("history-title", `History of ${metric}${slice ? `, ${slice}` : ""}`);
  fill("history-caption", versionsOf(shown));
  fill("history-finding", historyWords(metric, champion));
  fill("history-legend", ...historyLegend(variants, evaluatedPlaces().length));
  if (!shown.length) return empty("history", `No value of ${metric} in these run dates.`);
  return draw(
    "history",
    { rows: shown, changes: changesInRange() },
    { ticks: ticks("history"), number_format: numberFormat(metric), pointed: state.to - state.from <= 62 },
  );
}

const versionsOf = (rows) => [...new Set(rows.map((row) => versionText(row.version)))].filter(Boolean).join("; ");

// Return the run dates with another champion, other SQL or other code than before, each with one label.
function changesInRange() {
  const terms = spans.filter((span) => span.role === "champion").sort((a, b) => a.from - b.from);
  const champions = terms.slice(1).map((span) => ({ date: times[span.from], label: `champion: ${shortName(span.variant).slice(0, 40)}` }));
  const others = data.marks.map((mark) => ({ date: Date.parse(`${mark.date}T00:00:00Z`), label: mark.label }));
  const labels = new Map();
  for (const { date, label } of [...champions, ...others].filter((change) => inRange(change.date))) {
    labels.set(date, [...(labels.get(date) || []), label]);
  }
  return [...labels].map(([date, words]) => ({ date, label: words.join("; ") }));
}

// Return sentences about the champion's mean, and since when its value has been on the present side of the mean.
function historyWords(metric, points) {
  if (points.length < 2) return points.length ? `One run date with a value: ${shortDay(times[points[0].place])}, ${judgedCount(points[0].n)}.` : "";
  const values = points.map((point) => point.value);
  const usual = mean(values);
  const side = Math.sign(values[values.length - 1] - usual);
  let first = points.length - 1;
  while (first > 0 && Math.sign(values[first - 1] - usual) === side) first -= 1;
  const days = points.length - first;
  const day = shortDay(times[points[first].place]);
  const range = `from ${measure(metric, Math.min(...values))} to ${measure(metric, Math.max(...values))}`;
  const average = `mean over ${datesOf(points.map((point) => point.place))}, ${measure(metric, usual)} (${range})`;
  if (side === 0) return `The champion is at its ${average}.`;
  const judged = side * direction(metric) > 0 ? "better" : side * direction(metric) < 0 ? "worse" : side > 0 ? "higher" : "lower";
  const since = days === 1 ? `on ${day}, but was not on the evaluated run date before` : `since ${day}, for ${days} evaluated run dates in a row`;
  return `The champion is ${judged} than its ${average}: ${since}.`;
}

function swatch(role) {
  const champion = role === "champion";
  const line = { x1: 0, y1: 6, x2: 22, y2: 6, stroke: "currentColor", "stroke-width": champion ? 2.5 : 1.5 };
  const dash = role === "baseline" ? "2 3" : null;
  const drawing = node("svg", { width: 22, height: 12, class: champion ? "good" : "quiet", "aria-hidden": "true" }, node("line", { ...line, "stroke-dasharray": dash }));
  if (!champion) drawing.style.color = "var(--muted)";
  return drawing;
}

// Return each variant with its number over the run dates that it has; one that lacks run dates says so.
function historyLegend(variants, dates) {
  const order = ["champion", "challenger", "baseline"];
  const entries = [...variants.values()].filter((points) => points.length).map((points) => ({ last: points[points.length - 1], all: pooled(state.metric, points) }));
  entries.sort((a, b) => order.indexOf(a.last.role) - order.indexOf(b.last.role));
  return entries.map(({ last, all }) => {
    const own = all?.places.length ?? 0;
    const words = `${last.role}, ${measure(state.metric, all?.value)}${own < dates ? ` (${own} of ${plural(dates, "run date")})` : ""}`;
    return node("li", { title: `${last.variant}\n${versionText(last.version)}` }, swatch(last.role), node("b", {}, shortName(last.variant)), node("span", {}, words));
  });
}

function slicesSection() {
  const metric = state.metric;
  const place = lastEvaluated();
  const sign = direction(metric) || 1;
  const points = place < 0 ? [] : slicePoints(metric, place);
  const known = points.filter((point) => point.value !== null).sort((a, b) => sign * (a.value - b.value));
  const overall = championPoints(metric, OVERALL).find((point) => point.place === place);
  fill("slices-title", place < 0 ? "Slices" : `Slices on ${shortDay(times[place])}${overall ? `, ${judgedCount(overall.n)}` : ""}`);
  if (!known.length || !overall || overall.value === null) {
    fill("slices-finding");
    fill("slices-caption");
    const why = data.headline.includes(metric) ? "No slice has a value on this run date." : `The page holds slices of ${listed(data.headline, 9)}.`;
    return empty("slices", why);
  }
  const clearly = (point, side) => {
    const bound = side * sign > 0 ? point.low : point.high;
    return bound !== null && side * sign * (bound - overall.value) > 0;
  };
  const worse = known.filter((point) => clearly(point, -1));
  const better = known.filter((point) => clearly(point, 1));
  const names = (points) => listed(points.map((point) => sliceName(point.slice)), 4);
  const lacking = points.length - known.length;
  const vague = known.filter((point) => point.low === null).length;
  fill(
    "slices-finding",
    `${worse.length ? `Clearly worse than overall: ${names(worse)}.` : vague === known.length ? "Not judged: no slice has an interval." : `None of ${plural(known.length - vague, "slice")} is clearly worse than overall.`} ` +
      `${better.length ? `Clearly better: ${names(better)}. ` : ""}A difference is clear if the interval of the slice excludes the overall value, ${measure(metric, overall.value)} (dashed).` +
      `${lacking ? ` ${plural(lacking, "slice")} without a value.` : ""}` +
      `${vague ? ` Grey: ${plural(vague, "slice")} without an interval.` : ""}`,
  );
  fill("slices-caption", versionsOf(known));
  const rows = known.map((point) => ({
    label: sliceName(point.slice),
    value: point.value,
    low: point.low,
    high: point.high,
    standing: worse.includes(point) || point.key === state.slice ? "worse" : "same",
    tip: tipOf(metric, point, sliceName(point.slice)),
  }));
  const width = byId("slices-chart").clientWidth;
  return draw("slices", { rows, overall: [{ value: overall.value }] }, { labels: rows.map((row) => row.label), label_limit: Math.min(width * 0.38, 220), number_format: numberFormat(metric) });
}

// Draw predictions against what happened: bins of scores on the latest run date, otherwise the means of each run date.
function calibrationSection() {
  const isShare = data.calibration.length > 0;
  byId("calibration").hidden = !isShare && !data.pair;
  fill("calibration-title", isShare ? "Calibration" : "Predicted against actual");
  const rows = isShare ? binRows(lastEvaluated()) : data.pair ? dayRows() : [];
  fill("calibration-caption", versionsOf(rows));
  if (!rows.length) {
    fill("calibration-finding");
    return empty("calibration", isShare ? "No bins of scores on this run date." : "No run date has both means.");
  }
  fill("calibration-finding", isShare ? binWords(rows, lastEvaluated()) : dayWords(rows));
  const ends = rows.flatMap((row) => [row.mean_score, row.observed_rate, row.high ?? row.observed_rate]);
  const room = isShare ? 0 : (Math.max(...ends) - Math.min(...ends)) * 0.08 || Math.abs(ends[0]) * 0.08 || 1;
  const bottom = isShare ? 0 : Math.min(...ends) - room;
  const top = isShare ? Math.min(1, Math.max(...ends) * 1.04) || 1 : Math.max(...ends) + room;
  const diagonal = [bottom, top].map((end) => ({ mean_score: end, observed_rate: end }));
  const format = isShare ? ".0%" : numberFormat(data.pair.actual);
  return draw("calibration", { rows, diagonal }, { bottom, top, number_format: format });
}

function binRows(place) {
  const champion = championAt(place);
  const rows = [];
  for (const series of place < 0 ? [] : data.calibration.filter((bins) => nameOf(bins.variant) === champion)) {
    const [observed, predicted] = [scaled(series, "observed_rate", place), scaled(series, "mean_score", place)];
    if (observed === null || predicted === null) continue;
    const [low, high, n] = [bound(series, "low", "observed_rate", place), bound(series, "high", "observed_rate", place), plain(series, "n", place)];
    const version = nameOf(series.version);
    const range = low === null ? "no interval" : `${fixed(100 * low, 1)} % to ${fixed(100 * high, 1)} %`;
    const tip = [`scores ${nameOf(series.bin)}`, `predicted ${fixed(100 * predicted, 1)} %`, `observed ${fixed(100 * observed, 1)} %`, range, judgedCount(n), versionText(version)];
    rows.push({ mean_score: predicted, observed_rate: observed, low, high, n, version, tip: tip.join("\n") });
  }
  return rows;
}

function binWords(rows, place) {
  const total = rows.reduce((sum, row) => sum + row.n, 0);
  const average = (name) => (100 * rows.reduce((sum, row) => sum + row.n * row[name], 0)) / total;
  const able = rows.filter((row) => row.low !== null);
  const off = able.filter((row) => row.mean_score < row.low || row.mean_score > row.high).length;
  const bins = plural(able.length, "bin");
  const found = !able.length ? "Not judged: no bin has an interval." : off ? `${off} of ${bins} are off the diagonal by more than their interval.` : `None of ${bins} is off the diagonal by more than its interval.`;
  return `On ${shortDay(times[place])}, ${judgedCount(total)}, the mean score was ${fixed(average("mean_score"), 1)} % and the observed rate ${fixed(average("observed_rate"), 1)} %. ${found}`;
}

// Return the mean prediction and the mean label of the champion on each run date.
function dayRows() {
  const { predicted, actual } = data.pair;
  const predictions = new Map(championPoints(predicted, OVERALL).map((point) => [point.place, point]));
  const rows = [];
  for (const point of championPoints(actual, OVERALL)) {
    const value = predictions.get(point.place)?.value ?? null;
    if (point.value === null || value === null) continue;
    const tip = [longDay(times[point.place]), `predicted ${measure(predicted, value)}`, `actual ${measure(actual, point.value)}`, judgedCount(point.n), versionText(point.version)];
    rows.push({ place: point.place, mean_score: value, observed_rate: point.value, low: null, high: null, n: point.n, version: point.version, tip: tip.join("\n") });
  }
  return rows;
}

function dayWords(rows) {
  const { predicted, actual } = data.pair;
  const over = (metric, column) => measure(metric, pooled(metric, rows.map((row) => ({ ...row, value: row[column] }))).value);
  const high = rows.filter((row) => row.mean_score > row.observed_rate).length;
  const n = rows.reduce((sum, row) => sum + row.n, 0);
  return `Over ${datesOf(rows.map((row) => row.place))}, ${judgedCount(n, rows.length)}, the mean prediction was ${over(predicted, "mean_score")} and the mean label ${over(actual, "observed_rate")}. A dot is a run date; the mean prediction was above the mean label on ${high} of ${rows.length}.`;
}
