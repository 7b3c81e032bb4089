// Sections with tables: drift, nights.

// The mean of a label is a share only where the metric family says so.
const isShare = (measureName) => measureName.endsWith("_rate") && (measureName !== "label_rate" || data.pair?.unit === "share");
const MEASURES = { psi: "PSI", jensen_shannon: "Jensen-Shannon", missing_rate: "missing", unseen_rate: "unseen", label_rate: isShare("label_rate") ? "label rate" : "mean label" };

// Number of drift rows that are shown before the button is pressed.
const DRIFT_ROWS = 12;

function driftPlace() {
  let last = -1;
  for (const series of data.drift) {
    const end = Math.min(lastOf(series), state.to);
    if (end >= state.from && plain(series, "n", end) !== null) last = Math.max(last, end);
  }
  return last;
}

function driftCells(place) {
  return data.drift
    .filter((series) => plain(series, "n", place) !== null)
    .map((series) => ({
      series,
      measure: nameOf(series.measure),
      feature: nameOf(series.feature),
      variant: nameOf(series.variant),
      value: scaled(series, "value", place),
      reference: scaled(series, "reference", place),
      threshold: scaled(series, "threshold", place),
      warning: textAt(series, "is_warning", place) === "True",
      note: textAt(series, "note", place),
      n: plain(series, "n", place),
      version: nameOf(series.version),
    }));
}

// Tell whether rows were enough to say anything: a number within its threshold by a handful of rows says nothing.
const isJudged = (cell) => cell.value !== null && cell.n >= (cell.measure === "psi" ? 100 : 30) && !/^(fewer than|no value|no label)/.test(cell.note);

// Return what the measures of a run date say: which warn, and of the others how many could be judged.
function driftWords(cells, place) {
  const warned = cells.filter((cell) => cell.warning);
  const able = cells.filter(isJudged);
  const most = Math.max(...cells.map((cell) => cell.n));
  const named = [...new Set(warned.map((cell) => (cell.variant ? `${cell.feature} of ${shortName(cell.variant)}` : cell.feature)))];
  const excused = able.filter((cell) => !cell.warning && cell.note).length;
  const lacking = cells.length - able.length;
  const where = `on ${shortDay(times[place])}, up to ${plural(most, "row")}`;
  if (!able.length && !warned.length) return `Not judged ${where}: none of ${plural(cells.length, "measure")} has enough rows and values on both sides.`;
  const found = warned.length
    ? `Beyond their threshold ${where}, compared with the training data: ${listed(named, 5)}.`
    : `No warning ${where}: none of ${plural(able.length, "judged measure")} is beyond its threshold${excused ? " without a reason" : ""}.`;
  return `${found}${excused ? ` ${excused} beyond it with a reason: as on other days, or within chance.` : ""}${lacking ? ` ${plural(lacking, "measure")} not judged: too few rows or values.` : ""}`;
}

// Return by how many thresholds a measure is beyond its reference; warnings come first.
function strength(cell) {
  const usual = cell.reference ?? 0;
  const beyond = cell.measure.endsWith("_rate") ? Math.abs((cell.value ?? 0) - usual) : Math.max((cell.value ?? 0) - usual, 0);
  return (cell.warning ? 1e6 : 0) + (cell.threshold ? beyond / cell.threshold : 0);
}

function driftSection() {
  const place = driftPlace();
  const cells = place < 0 ? [] : driftCells(place);
  fill("drift-caption", versionsOf(cells));
  fill("drift-title", place < 0 ? "Drift" : `Drift on ${shortDay(times[place])}`);
  if (!cells.length) {
    fill("drift-finding", "Drift was not measured in these run dates.");
    fill("drift-table");
    byId("drift-more").hidden = true;
    return;
  }
  fill("drift-finding", driftWords(cells, place));
  const order = Object.keys(MEASURES);
  const shown = [...new Set(cells.map((cell) => cell.measure))].sort((a, b) => (order.indexOf(a) + 99) % 99 - (order.indexOf(b) + 99) % 99);
  const subjects = new Map();
  for (const cell of cells) {
    const key = JSON.stringify([cell.feature, cell.variant]);
    if (!subjects.has(key)) subjects.set(key, []);
    subjects.get(key).push(cell);
  }
  const rows = [...subjects.values()].sort((a, b) => Math.max(...b.map(strength)) - Math.max(...a.map(strength)));
  const heads = ["", ...shown.map((name) => MEASURES[name] || name), "trend"].map((head) => node("th", { scope: "col" }, head));
  fill("drift-table", node("table", {}, node("thead", {}, node("tr", {}, ...heads)), node("tbody", {}, ...rows.map((members, order) => driftRow(members, shown, order)))));
  const hidden = rows.length - DRIFT_ROWS;
  byId("drift-more").hidden = hidden <= 0 || byId("drift").classList.contains("all");
  fill("drift-more", `Show ${hidden} more`);
}

function driftRow(members, shown, order) {
  const [{ feature, variant }] = members;
  const title = node("th", { scope: "row" }, feature, variant ? node("small", {}, ` ${shortName(variant)}`) : null);
  const cells = shown.map((measureName) => driftCell(members.find((cell) => cell.measure === measureName)));
  return node("tr", { class: order < DRIFT_ROWS ? null : "beyond" }, title, ...cells, node("td", {}, driftTrend(members[0].series) || ""));
}

function driftCell(cell) {
  if (!cell) return node("td", {}, "");
  const isRate = cell.measure.endsWith("_rate");
  const shown = (number) => (isShare(cell.measure) ? `${fixed(100 * number, 1)} %` : fixed(number, 3));
  const number = cell.value === null ? "–" : shown(cell.value);
  const inTraining = ["missing_rate", "label_rate"].includes(cell.measure);
  const lines = [
    cell.threshold === null ? "" : `threshold ${fixed(cell.threshold, 3)}`,
    cell.reference === null ? "" : `${inTraining ? "in training" : "on other training days"} ${shown(cell.reference)}`,
    `${grouped(cell.n)} rows`,
    cell.note,
    versionText(cell.version),
  ];
  const attributes = { class: cell.warning ? "over" : null, title: lines.filter(Boolean).join("\n") };
  return node("td", attributes, number, cell.threshold && !isRate ? meter(cell.value / cell.threshold) : null);
}

function meter(share) {
  const bar = node("i");
  bar.style.width = `${Math.min(Math.max(share, 0), 1) * 100}%`;
  return node("span", { class: "meter", "aria-hidden": "true" }, bar);
}

function driftTrend(series) {
  const points = [];
  for (const place of placesOf(series)) {
    points.push({ place, value: scaled(series, "value", place), low: null, high: null });
  }
  const drawing = spark(points.slice(-60), `trend of ${nameOf(series.measure)}`);
  drawing?.classList.replace("good", "quiet");
  return drawing;
}

const nightOf = (phase) => data.nights.filter((series) => nameOf(series.phase) === phase);

const publishedPlaces = () => nightOf("load").flatMap((series) => placesOf(series).filter((place) => plain(series, "runs", place)));

function nightsDone() {
  const places = publishedPlaces();
  if (!places.length) return { published: 0, expected: 0, missing: [] };
  const done = new Set(places.map((place) => times[place]));
  const [first, last] = [Math.min(...done), Math.max(...done)];
  const missing = [];
  for (let time = first; time <= last; time += DAY) if (!done.has(time)) missing.push(time);
  return { published: done.size, expected: done.size + missing.length, missing, first, last };
}

// Return a sentence that names the variants that failed in the selected run dates while the others went on.
function failedWords() {
  const failed = data.failed.filter(({ date }) => inRange(Date.parse(`${date}T00:00:00Z`)));
  if (!failed.length) return "";
  const words = failed.map((row) => `${shortName(nameOf(row.variant))} on ${shortDay(Date.parse(`${row.date}T00:00:00Z`))} in ${nameOf(row.phase)}`);
  return ` Failed, without the other variants: ${listed(words.reverse(), 6)}; pipeline status has the reasons.`;
}

function nightsSection() {
  const rows = [];
  const few = state.to - state.from <= 62;
  const half = (few ? 0.38 : 0.5) * DAY;
  const heights = new Map();
  data.phases.forEach((phase) => {
    for (const series of nightOf(phase)) {
      for (const place of placesOf(series)) {
        const seconds = scaled(series, "seconds", place);
        if (seconds === null) continue;
        const lines = [`${phase}, ${longDay(times[place])}`, duration(seconds), plain(series, "bytes", place) === null ? "" : size(plain(series, "bytes", place))];
        const below = heights.get(place) || 0;
        heights.set(place, below + seconds);
        rows.push({ phase, below, above: below + seconds, from: times[place] - half, to: times[place] + half, tip: lines.filter(Boolean).join("\n") });
      }
    }
  });
  const { published, expected, missing, first, last } = nightsDone();
  const done = expected
    ? `Published: ${published} of ${plural(expected, "day")}, ${shortDay(first)} to ${shortDay(last)}${missing.length ? `; not ${listed(missing.map(shortDay), 6)}` : ""}. A night takes as long as the run that readers see; bytes and cost are of all runs.`
    : "Nothing was published in these run dates.";
  fill("nights-finding", done + failedWords());
  fill("nights-legend", ...data.phases.filter((phase) => rows.some((row) => row.phase === phase)).map((phase) => node("li", {}, node("i", { class: phase, "aria-hidden": "true" }), phase)));
  fill("nights-table", ...nightsTable());
  if (!rows.length) return empty("nights", "No run in these run dates.");
  return draw("nights", { rows }, { ticks: ticks("nights"), gap: few ? 0.5 : 0 });
}

function nightsTable() {
  const rows = data.phases.filter((phase) => nightOf(phase).length).map(nightsRow);
  if (!rows.length) return [];
  const heads = ["Phase", "median", "longest", "latest", "latest rows", "total bytes", "total cost"].map((head) => node("th", { scope: "col" }, head));
  return [node("table", {}, node("thead", {}, node("tr", {}, ...heads)), node("tbody", {}, ...rows))];
}

function nightsRow(phase) {
  const known = { seconds: [], rows: [], bytes: [], cost: [] };
  for (const series of nightOf(phase)) {
    for (const place of placesOf(series)) {
      const numbers = { seconds: scaled(series, "seconds", place) };
      for (const name of ["rows", "bytes", "cost"]) numbers[name] = plain(series, name, place);
      for (const [name, number] of Object.entries(numbers)) if (number !== null) known[name].push(number);
    }
  }
  const total = (numbers) => (numbers.length ? numbers.reduce((sum, number) => sum + number, 0) : null);
  const last = (numbers) => numbers[numbers.length - 1] ?? null;
  const cost = total(known.cost);
  const texts = [
    duration(median(known.seconds)),
    duration(known.seconds.length ? Math.max(...known.seconds) : null),
    duration(last(known.seconds)),
    grouped(last(known.rows)),
    size(total(known.bytes)),
    cost === null ? "–" : fixed(cost, 2),
  ];
  return node("tr", {}, node("th", { scope: "row" }, phase), ...texts.map((text) => node("td", {}, text)));
}
