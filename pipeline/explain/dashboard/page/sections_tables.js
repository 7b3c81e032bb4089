// Sections of tables: drift, nights.

const MEASURES = { psi: "PSI", jensen_shannon: "Jensen-Shannon", missing_rate: "missing", unseen_rate: "unseen", label_rate: "label rate" };

// Rows of drift that are shown before the others are asked for.
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
      warning: saying(series, "is_warning", place) === "True",
      note: saying(series, "note", place),
      n: plain(series, "n", place),
      version: nameOf(series.version),
    }));
}

// How far a measure is beyond what is usual, in thresholds; what warns comes first.
function strength(cell) {
  const usual = cell.reference ?? 0;
  const beyond = cell.measure.endsWith("_rate") ? Math.abs((cell.value ?? 0) - usual) : Math.max((cell.value ?? 0) - usual, 0);
  return (cell.warning ? 1e6 : 0) + (cell.threshold ? beyond / cell.threshold : 0);
}

function driftSection() {
  const place = driftPlace();
  const cells = place < 0 ? [] : driftCells(place);
  say("drift-caption", versionsOf(cells));
  say("drift-title", place < 0 ? "Drift" : `Drift on ${shortDay(times[place])}`);
  if (!cells.length) {
    say("drift-finding", "Drift was not measured in these run dates.");
    say("drift-table");
    byId("drift-more").hidden = true;
    return;
  }
  const warned = cells.filter((cell) => cell.warning);
  const named = [...new Set(warned.map((cell) => (cell.variant ? `${cell.feature} of ${shortName(cell.variant)}` : cell.feature)))];
  say("drift-finding", warned.length ? `Beyond their threshold, against the training data: ${listed(named, 5)}.` : "Features and predictions are like the training data: no measure is beyond its threshold.");
  const order = Object.keys(MEASURES);
  const shown = [...new Set(cells.map((cell) => cell.measure))].sort((a, b) => (order.indexOf(a) + 99) % 99 - (order.indexOf(b) + 99) % 99);
  const subjects = new Map();
  for (const cell of cells) {
    const key = JSON.stringify([cell.feature, cell.variant]);
    if (!subjects.has(key)) subjects.set(key, []);
    subjects.get(key).push(cell);
  }
  const rows = [...subjects.values()].sort((a, b) => Math.max(...b.map(strength)) - Math.max(...a.map(strength)));
  const heads = ["", ...shown.map((each) => MEASURES[each] || each), "trend"].map((each) => node("th", { scope: "col" }, each));
  say("drift-table", node("table", {}, node("thead", {}, node("tr", {}, ...heads)), node("tbody", {}, ...rows.map((members, order) => driftRow(members, shown, order)))));
  const hidden = rows.length - DRIFT_ROWS;
  byId("drift-more").hidden = hidden <= 0 || byId("drift").classList.contains("all");
  say("drift-more", `Show ${hidden} more`);
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
  const number = cell.value === null ? "–" : isRate ? `${fixed(100 * cell.value, 1)} %` : fixed(cell.value, 3);
  const told = [
    cell.threshold === null ? "" : `threshold ${fixed(cell.threshold, 3)}`,
    cell.reference === null ? "" : isRate ? `in training ${fixed(100 * cell.reference, 1)} %` : `days of training reach ${fixed(cell.reference, 3)}`,
    `${grouped(cell.n)} rows`,
    cell.note,
    versionText(cell.version),
  ];
  const attributes = { class: cell.warning ? "over" : null, title: told.filter(Boolean).join("\n") };
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
  const drawn = spark(points.slice(-60), `trend of ${nameOf(series.measure)}`);
  drawn?.classList.replace("good", "quiet");
  return drawn;
}

const nightOf = (phase) => data.nights.filter((series) => nameOf(series.phase) === phase);

function nightsDone() {
  const places = nightOf("load").flatMap((series) =>
    placesOf(series).filter((place) => plain(series, "runs", place)),
  );
  if (!places.length) return { published: 0, expected: 0, missing: [] };
  const done = new Set(places.map((place) => times[place]));
  const [first, last] = [Math.min(...done), Math.max(...done)];
  const missing = [];
  for (let time = first; time <= last; time += DAY) if (!done.has(time)) missing.push(time);
  return { published: done.size, expected: done.size + missing.length, missing };
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
        const told = [`${phase}, ${longDay(times[place])}`, duration(seconds), plain(series, "bytes", place) === null ? "" : size(plain(series, "bytes", place))];
        const below = heights.get(place) || 0;
        heights.set(place, below + seconds);
        rows.push({ phase, below, above: below + seconds, from: times[place] - half, to: times[place] + half, tip: told.filter(Boolean).join("\n") });
      }
    }
  });
  const { published, expected, missing } = nightsDone();
  const done = expected ? `${published} of ${expected} run dates were published${missing.length ? `; missing: ${listed(missing.map(shortDay), 6)}` : ", none is missing"}.` : "Nothing was published in these run dates.";
  say("nights-finding", done);
  say("nights-legend", ...data.phases.filter((phase) => rows.some((row) => row.phase === phase)).map((phase) => node("li", {}, node("i", { class: phase, "aria-hidden": "true" }), phase)));
  say("nights-table", ...nightsTable());
  if (!rows.length) return empty("nights", "No run in these dates.");
  return draw("nights", { rows }, { ticks: ticks("nights"), gap: few ? 0.5 : 0 });
}

function nightsTable() {
  const rows = data.phases.filter((phase) => nightOf(phase).length).map(nightsRow);
  if (!rows.length) return [];
  const heads = ["Phase", "typical", "longest", "latest", "rows, latest", "bytes, all", "cost, all"].map((each) => node("th", { scope: "col" }, each));
  return [node("table", {}, node("thead", {}, node("tr", {}, ...heads)), node("tbody", {}, ...rows))];
}

function nightsRow(phase) {
  const held = { seconds: [], rows: [], bytes: [], cost: [] };
  for (const series of nightOf(phase)) {
    for (const place of placesOf(series)) {
      const numbers = { seconds: scaled(series, "seconds", place) };
      for (const name of ["rows", "bytes", "cost"]) numbers[name] = plain(series, name, place);
      for (const [name, number] of Object.entries(numbers)) if (number !== null) held[name].push(number);
    }
  }
  const total = (numbers) => (numbers.length ? numbers.reduce((sum, each) => sum + each, 0) : null);
  const last = (numbers) => numbers[numbers.length - 1] ?? null;
  const cost = total(held.cost);
  const texts = [
    duration(median(held.seconds)),
    duration(held.seconds.length ? Math.max(...held.seconds) : null),
    duration(last(held.seconds)),
    grouped(last(held.rows)),
    size(total(held.bytes)),
    cost === null ? "–" : fixed(cost, 2),
  ];
  return node("tr", {}, node("th", { scope: "row" }, phase), ...texts.map((text) => node("td", {}, text)));
}
