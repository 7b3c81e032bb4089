// Champion and challenger: the gain on each run date, and the verdict of the gate.

// Return the gain: the difference in the metric's direction; above zero the challenger is better.
const gainOf = (metric, difference) => (direction(metric) || 1) * difference;

const challengersOf = () => [...new Set([...data.compared.map((series) => nameOf(series.challenger)), ...verdicts.map((verdict) => verdict.challenger)])].filter(Boolean);

function latestChallenger() {
  const ends = data.compared.map((series) => ({ end: lastOf(series), challenger: nameOf(series.challenger) }));
  return ends.sort((a, b) => b.end - a.end)[0]?.challenger || challengersOf()[0] || "";
}

// Return the run dates on which a challenger was compared by a metric, in order.
function comparedRows(metric, challenger) {
  const rows = [];
  for (const series of data.compared) {
    if (nameOf(series.metric) !== metric || nameOf(series.challenger) !== challenger) continue;
    for (const place of placesOf(series)) {
      const difference = scaled(series, "difference", place);
      if (difference === null) continue;
      const gain = gainOf(metric, difference);
      const [version, champion] = [nameOf(series.version), nameOf(series.champion)];
      const lines = [
        longDay(times[place]),
        `${metric}: gain ${signed(metric, gain)}`,
        `${shortName(champion)} ${measure(metric, scaled(series, "champion_value", place))}`,
        `${shortName(challenger)} ${measure(metric, scaled(series, "challenger_value", place))}`,
        `${judgedCount(plain(series, "n", place))} with both`,
        versionText(version),
      ];
      rows.push({ place, champion, date: times[place], gain, version, tip: lines.join("\n") });
    }
  }
  return rows.sort((a, b) => a.place - b.place);
}

// Return the last verdict on the challenger; without one, the last verdict that names no challenger.
const verdictOf = (challenger) => {
  const recent = verdicts.filter((verdict) => inRange(verdict.time));
  return recent.filter((verdict) => verdict.challenger === challenger).pop() || recent.filter((verdict) => !verdict.challenger).pop();
};

// Return the run dates of a verdict if it is about this metric, otherwise none. A verdict does not name its metric, but
// its number is the mean gain of its run dates. An interval is only drawn with the points that it belongs to.
function windowOf(verdict, metric, rows) {
  if (!verdict || !verdict.verdict_n || [verdict.verdict_difference, verdict.verdict_low, verdict.verdict_high].includes(null)) return [];
  const days = rows.filter((row) => row.champion === verdict.champion && row.date <= verdict.time).slice(-verdict.verdict_n);
  const unit = 10 ** -(metrics.get(metric)?.decimals ?? 4);
  const same = days.length === verdict.verdict_n && Math.abs(mean(days.map((row) => row.gain)) - verdict.verdict_difference) <= unit;
  return same ? days : [];
}

// Return all metrics of comparisons, and the one to show: the selected one, otherwise that of the verdict.
function comparedMetric(verdict) {
  const known = [...new Set(data.compared.map((series) => nameOf(series.metric)))].filter((name) => direction(name));
  if (state.compared && known.includes(state.compared)) return [known, state.compared];
  const judged = known.find((metric) => windowOf(verdict, metric, comparedRows(metric, state.challenger)).length);
  return [known, judged || (known.includes(state.metric) ? state.metric : known[0] || state.metric)];
}

function comparisonSection() {
  const challengers = challengersOf();
  if (!challengers.includes(state.challenger)) state.challenger = latestChallenger();
  const verdict = verdictOf(state.challenger);
  const [known, metric] = comparedMetric(verdict);
  choice("challenger", challengers, state.challenger, shortName);
  choice("compared", known, metric, (name) => name);
  const rows = comparedRows(metric, state.challenger);
  const judged = windowOf(verdict, metric, rows);
  fill("comparison-finding", ...verdictWords(verdict));
  fill("comparison-table", ...comparisonTable());
  if (!rows.length) {
    fill("comparison-caption");
    return empty("comparison", `Champion and challenger were not compared by ${metric} on any of these run dates.`);
  }
  const band = judged.length ? " The band is the mean gain with the gate's bounds." : "";
  fill("comparison-caption", `Gain of the challenger by ${metric} on each run date; above zero the challenger is better.${band} ${versionsOf(rows)}`);
  const bands = judged.length ? [{ from: judged[0].date, to: verdict.time, low: verdict.verdict_low, high: verdict.verdict_high, middle: verdict.verdict_difference }] : [];
  return draw("comparison", { rows, bands, zero: [{ gain: 0 }] }, { ticks: ticks("comparison"), number_format: numberFormat(metric) });
}

function choice(id, values, chosen, named) {
  byId(`${id}-label`).hidden = values.length < 2;
  byId(id).replaceChildren(...values.map((value) => node("option", { value }, named(value))));
  byId(id).value = chosen;
}

function verdictWords(verdict) {
  if (!verdict) return ["No decision in these run dates."];
  const title = node("b", { class: "good" }, verdict.verdict);
  if (verdict.verdict === "first") return [title, ` on ${shortDay(verdict.time)}: ${shortName(verdict.champion)} became champion; there was no challenger.`];
  const words = [` on ${shortDay(verdict.time)}: ${verdict.reason}`.replace(/: $/, "")];
  if (verdict.verdict_difference !== null) {
    words.push(`. Mean gain of ${plural(verdict.verdict_n, "run date")} ${fixed(verdict.verdict_difference, 4)}`);
    if (verdict.verdict_low !== null) words.push(` (${fixed(verdict.verdict_low, 4)} to ${fixed(verdict.verdict_high, 4)})`);
  }
  if (verdict.needed_n !== null) words.push(`; ${plural(verdict.needed_n, "day")} would be enough`);
  return [title, `${words.join("")}.`];
}

// Return a table of all metrics with a direction, on the last run date on which the two were compared.
function comparisonTable() {
  const own = data.compared.filter((series) => nameOf(series.challenger) === state.challenger && direction(nameOf(series.metric)));
  const last = Math.max(-1, ...own.map((series) => Math.min(lastOf(series), state.to)));
  const known = own.filter((series) => scaled(series, "difference", last) !== null);
  if (last < state.from || !known.length) return [];
  const rows = known.map((series) => {
    const metric = nameOf(series.metric);
    const gain = gainOf(metric, scaled(series, "difference", last));
    const numbers = [scaled(series, "champion_value", last), scaled(series, "challenger_value", last)].map((value) => node("td", {}, measure(metric, value)));
    const title = node("th", { scope: "row" }, metric);
    return node("tr", { title: versionText(nameOf(series.version)) }, title, ...numbers, node("td", { class: gain > 0 ? "good" : "" }, signed(metric, gain)));
  });
  const n = plain(known[0], "n", last);
  const heads = [`${shortDay(times[last])}, ${judgedCount(n)}`, "champion", "challenger", "gain"].map((head) => node("th", { scope: "col" }, head));
  return [node("table", {}, node("thead", {}, node("tr", {}, ...heads)), node("tbody", {}, ...rows))];
}
