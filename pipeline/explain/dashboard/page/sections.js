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
  const better = metrics.get(metric)?.better;
  const title = node("h3", {}, metric, node("span", {}, better && better !== "neither" ? `${better} is better` : ""));
  if (!now) return node("article", { class: "card" }, title, node("p", { class: "quiet" }, "No champion was evaluated on this run date."));
  // Compare with the same variant, even if another one was champion then.
  const own = variantsOf(metric, state.slice).get(now.variant);
  const before = own.filter((point) => point.place < place && point.value !== null).pop();
  const value = node("p", { class: "value", title: tipOf(metric, now, longDay(times[place])) }, measure(metric, now.value));
  const rows = [
    title,
    node("div", { class: "figure" }, value, spark(points.slice(-30), `${metric} of the last run dates`)),
    node("p", { class: "quiet" }, now.value === null ? now.note : `${interval(metric, now)}, ${plural(now.n, "row")}`),
  ];
  if (before && now.value !== null) {
    const { change, judged, certain, tone } = changeOf(metric, now, before);
    const words = ` since ${shortDay(times[before.place])}: ${judged}${certain}`;
    rows.push(node("p", {}, node("span", { class: `change ${tone}` }, signed(metric, change)), words));
  }
  rows.push(node("p", { class: "caption" }, versionText(now.version)));
  return node("article", { class: "card" }, ...rows);
}

function stripItem(title, text, detail, tone = "") {
  return node("div", {}, node("dt", {}, title), node("dd", { class: tone }, text, node("small", {}, detail)));
}

function today() {
  const place = lastEvaluated();
  if (place < 0) {
    fill("day", "Nothing evaluated");
    fill("lead", "None of these run dates was evaluated. Labels have to mature first.");
    fill("cards");
  } else {
    fill("day", longDay(times[place]));
    const slice = chosenSlice();
    const ahead = data.dates.length && state.to > place ? " The labels of later run dates are not known yet." : "";
    fill("lead", `The latest evaluated run date${slice ? `, for ${slice}` : ""}. ${leadWords(place)}${ahead}`);
    fill("cards", ...data.headline.map(card));
  }
  fill("strip", championItem(place), challengerItem(), driftItem(), nightsItem());
}

// Return a sentence that compares the champion with the best baseline.
function leadWords(place) {
  const variants = variantsOf(state.metric, state.slice);
  const at = (points) => points.find((point) => point.place === place && point.value !== null);
  const points = [...variants.values()].map(at).filter(Boolean);
  const now = points.find((point) => point.role === "champion");
  const sign = direction(state.metric);
  const baselines = points.filter((point) => point.role === "baseline").sort((a, b) => sign * (b.value - a.value));
  if (!now || !baselines.length || !sign) return "";
  const best = baselines[0];
  const wins = sign * (now.value - best.value) > 0;
  const sure = apart(now, best);
  const certain = sure === null ? "" : sure ? " Their intervals do not overlap." : " Their intervals overlap: this run date alone is not conclusive.";
  const verb = wins ? "is better than" : "is not better than";
  return `By ${state.metric} the champion ${verb} the best baseline, ${shortName(best.variant)} with ${measure(state.metric, best.value)}.${certain}`;
}

function championItem(place) {
  const variant = place < 0 ? undefined : championAt(place);
  if (!variant) return stripItem("Champion", "none yet", "no variant was named champion");
  const span = spans.find((entry) => entry.variant === variant && entry.role === "champion" && entry.from <= place && place <= entry.to);
  return stripItem("Champion", shortName(variant), `since ${shortDay(times[span.from])}${span.from ? "" : " or earlier"}`);
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
  const detail = `${plural(cells.length, "measure")} on ${shortDay(times[place])}`;
  return stripItem("Drift", warnings.length ? plural(warnings.length, "warning") : "no warning", detail, warnings.length ? "bad" : "");
}

function nightsItem() {
  const { published, missing, expected } = nightsDone();
  if (!expected) return stripItem("Nights", "none", "nothing was published in these run dates");
  const tone = missing.length ? "bad" : "";
  return stripItem("Nights", `${published} of ${expected} published`, missing.length ? `missing ${listed(missing.map(shortDay), 2)}` : "none missing", tone);
}
