// The top section, and helpers of all sections. Everything that comes from rows is set as text.

const byId = (id) => document.getElementById(id);

function node(tag, attributes = {}, ...children) {
  const svg = ["svg", "polyline", "path", "circle", "line"].includes(tag);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

const fill = (id, ...words) => byId(id).replaceChildren(...words);

// Return a small line chart of the last numbers: the interval behind the line, a dot at its end.
function spark(points, label) {
  const known = points.filter((point) => point.value !== null);
  if (known.length < 2) return null;
  const ends = known.flatMap((point) => [point.low ?? point.value, point.high ?? point.value]);
  const [bottom, top] = [Math.min(...ends), Math.max(...ends)];
  const first = known[0].place;
  const across = known[known.length - 1].place - first || 1;
  const x = (point) => 2 + (96 * (point.place - first)) / across;
  const y = (value) => 38 - (36 * (value - bottom)) / (top - bottom || 1);
  const line = known.map((point) => `${x(point).toFixed(1)},${y(point.value).toFixed(1)}`).join(" ");
  const upper = known.map((point) => `${x(point).toFixed(1)},${y(point.high ?? point.value).toFixed(1)}`);
  const lower = known.map((point) => `${x(point).toFixed(1)},${y(point.low ?? point.value).toFixed(1)}`).reverse();
  const last = known[known.length - 1];
  const stroke = { fill: "none", stroke: "currentColor", "stroke-width": 1.5, "vector-effect": "non-scaling-stroke" };
  const end = `M${x(last).toFixed(1)},${y(last.value).toFixed(1)}h0`;
  return node(
    "svg",
    { viewBox: "0 0 100 40", preserveAspectRatio: "none", class: "spark good", role: "img", "aria-label": label },
    node("path", { d: `M${[...upper, ...lower].join("L")}Z`, fill: "currentColor", opacity: 0.14 }),
    node("polyline", { points: line, ...stroke }),
    node("path", { d: end, ...stroke, "stroke-width": 7, "stroke-linecap": "round" }),
  );
}

function changeOf(metric, now, before) {
  const change = now.value - before.value;
  const better = Math.sign(change) * direction(metric);
  const sure = apart(now, before);
  const judged = change === 0 ? "unchanged" : better > 0 ? "better" : better < 0 ? "worse" : "changed";
  const certain = sure === null ? "" : sure ? " (intervals do not overlap)" : " (intervals overlap)";
  return { change, judged, certain, tone: sure && better ? (better > 0 ? "good" : "bad") : "" };
}

function card(metric) {
  const points = championPoints(metric, state.slice);
  const place = lastEvaluated();
  const now = points.find((point) => point.place === place);
  const all = pooled(metric, points);
  const better = metrics.get(metric)?.better;
  const title = node("h3", {}, metric, node("span", {}, better && better !== "neither" ? `${better} is better` : ""));
  if (!points.length) return node("article", { class: "card" }, title, node("p", { class: "quiet" }, "No champion was evaluated in these run dates."));
  const value = node("p", { class: "value" }, measure(metric, all?.value));
  const rows = [
    title,
    node("div", { class: "figure" }, value, spark(points.slice(-30), `${metric} of the last run dates`)),
    node("p", { class: "quiet" }, all ? pooledWords(metric, all) : "no value in these run dates"),
    ...latestWords(metric, now, place),
    node("p", { class: "caption" }, versionsOf(points)),
  ];
  return node("article", { class: "card" }, ...rows);
}

// Return what a number of several run dates is, over which, from how many rows, with its interval.
function pooledWords(metric, all) {
  const { places, n, way } = all;
  const note = places.length === 1 ? all.points[0].note : `fewer than ${LEAST_DATES} run dates`;
  const how = places.length === 1 ? "" : way ? "pooled over " : "mean of ";
  return `${how}${datesOf(places)}, ${judgedCount(n, places.length)}; ${interval(metric, { ...all, note })}`;
}

// Return the latest run date of a champion by itself, and its change since the run date before.
function latestWords(metric, now, place) {
  if (!now) return [node("p", {}, `${shortDay(times[place])}: no champion was evaluated`)];
  const numbers = now.value === null ? `no value: ${now.note}` : `${measure(metric, now.value)} (${interval(metric, now)})`;
  const rows = [node("p", { title: tipOf(metric, now, longDay(times[place])) }, `${shortDay(times[place])}: ${numbers}, ${judgedCount(now.n)}`)];
  // Compare with the same variant, even if another one was champion then.
  const own = variantsOf(metric, state.slice).get(now.variant);
  const before = own.filter((point) => point.place < place && point.value !== null).pop();
  if (before && now.value !== null) {
    const { change, judged: verdict, certain, tone } = changeOf(metric, now, before);
    const words = ` since ${shortDay(times[before.place])}: ${verdict}${certain}`;
    rows.push(node("p", {}, node("span", { class: `change ${tone}` }, signed(metric, change)), words));
  }
  return rows;
}

function stripItem(title, text, detail, tone = "") {
  return node("div", {}, node("dt", {}, title), node("dd", { class: tone }, text, node("small", {}, detail)));
}

function today() {
  const places = evaluatedPlaces();
  const place = places[places.length - 1] ?? -1;
  const later = publishedPlaces().filter((published) => published > place).length;
  if (!places.length) {
    fill("day", "Nothing evaluated");
    fill("lead", later ? `${plural(later, "run date")} published, none of them evaluated.` : "No run date was published or evaluated in these run dates.");
    fill("cards");
  } else {
    const first = places.length > 1 ? `${shortDay(times[places[0]])} to ` : "";
    fill("day", first + longDay(times[place]));
    const slice = chosenSlice();
    const waiting = later ? ` ${plural(later, "later run date")} published and not evaluated.` : "";
    fill("lead", `${plural(places.length, "evaluated run date")}${slice ? `, for ${slice}` : ""}. ${leadWords()}${waiting}`);
    fill("cards", ...data.headline.map(card));
  }
  fill("strip", championItem(place), challengerItem(), driftItem(), nightsItem());
}

// Return sentences that compare the champion with the best baseline, on the run dates that both have.
function leadWords() {
  const metric = state.metric;
  if (!direction(metric)) return "";
  const champion = championPoints(metric, state.slice);
  const baselines = [...variantsOf(metric, state.slice)]
    .map(([variant, points]) => ({ variant, points: points.filter((point) => point.role === "baseline") }))
    .map(({ variant, points }) => ({ variant, ...compared(metric, champion, points) }))
    .filter(({ first }) => first)
    .sort((a, b) => a.gain - b.gain);
  if (!baselines.length) return "";
  const [best] = baselines;
  const { first, second, gain, wins } = best;
  const dates = first.places;
  const verb = gain > 0 ? "is better than" : gain < 0 ? "is worse than" : "equals";
  const over = `By ${metric} over ${datesOf(dates)}, ${judgedCount(first.n, dates.length)}`;
  const often = dates.length > 1 ? `, and better on ${wins} of ${dates.length}` : "";
  return `${over}: the champion, ${measure(metric, first.value)}, ${verb} the best baseline, ${shortName(best.variant)} with ${measure(metric, second.value)}${often}. ${certaintyWords(metric, best)}`;
}

// Return a sentence that says how sure a gain is: by the spread of its run dates, or by the intervals of the only one.
function certaintyWords(metric, { first, second, gain, half }) {
  if (first.places.length === 1) {
    const sure = apart(first, second);
    if (sure === null) return "One run date without an interval is not conclusive.";
    return sure ? "Their intervals do not overlap." : "Their intervals overlap: this run date alone is not conclusive.";
  }
  if (half === null) return `Fewer than ${LEAST_DATES} run dates are not conclusive.`;
  const range = `${signed(metric, gain - half)} to ${signed(metric, gain + half)}`;
  return Math.abs(gain) > half ? `The gain is clear: ${range}.` : `The gain is not clear: ${range}.`;
}

function championItem(place) {
  const variant = place < 0 ? undefined : championAt(place);
  if (!variant) return stripItem("Champion", "not known", "no run date with a champion was evaluated");
  const span = spans.find((entry) => entry.variant === variant && entry.role === "champion" && entry.from <= place && place <= entry.to);
  const firstTerm = Math.min(...spans.filter((entry) => entry.role === "champion").map((entry) => entry.from));
  return stripItem("Champion", shortName(variant), `since ${shortDay(times[span.from])}${span.from > firstTerm ? "" : " or earlier"}, seen on ${shortDay(times[place])}`);
}

const latestVerdict = () =>
  verdicts.filter(({ time, challenger }) => inRange(time) && (!state.challenger || challenger === state.challenger || !challenger)).pop();

function challengerItem() {
  const latest = latestVerdict();
  if (!latest) return stripItem("Verdict", "none", "no decision in these run dates");
  return stripItem("Verdict", latest.verdict, `${shortDay(latest.time)}${latest.challenger ? `, ${shortName(latest.challenger)}` : ""}`);
}

function driftItem() {
  const place = driftPlace();
  if (place < 0) return stripItem("Drift", "not measured", "no rows in these run dates");
  const cells = driftCells(place);
  const warnings = cells.filter((cell) => cell.warning);
  const able = cells.filter(isJudged).length;
  const detail = `${able} of ${plural(cells.length, "measure")} judged on ${shortDay(times[place])}`;
  const found = warnings.length ? plural(warnings.length, "warning") : able ? "no warning" : "not judged";
  return stripItem("Drift", found, detail, warnings.length ? "bad" : "");
}

function nightsItem() {
  const { published, missing, expected } = nightsDone();
  if (!expected) return stripItem("Nights", "none", "nothing was published in these run dates");
  const tone = missing.length ? "bad" : "";
  return stripItem("Nights", `${published} of ${expected} published`, missing.length ? `no run date for ${listed(missing.map(shortDay), 2)}` : "each day between has one", tone);
}
