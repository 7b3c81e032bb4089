// Formats numbers, dates and names.

const MONTHS = "January February March April May June July August September October November December".split(" ");

function longDay(time) {
  const date = new Date(time);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
}

function shortDay(time) {
  const date = new Date(time);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()].slice(0, 3)}`;
}

const grouped = (number) => (number === null ? "–" : Math.round(number).toLocaleString("en-US"));

function measure(metric, number) {
  if (number === null || number === undefined) return "–";
  const most = metrics.get(metric)?.decimals ?? 4;
  const four = number === 0 ? most : 4 - Math.ceil(Math.log10(Math.abs(number))); // significant digits
  return fixed(number, Math.min(most, Math.max(four, 0)));
}

function fixed(number, decimals) {
  const text = Math.abs(number).toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return number < 0 && Number(number.toFixed(decimals)) !== 0 ? `−${text}` : text;
}

const signed = (metric, number) => (number > 0 ? "+" : "") + measure(metric, number);

// Names of variants without their digests, if that is enough to tell them apart.
const shortNames = (() => {
  const variants = [...new Set(spans.map((span) => span.variant))];
  const short = (variant) => variant.split("@")[0];
  const clash = (variant) => variants.some((other) => other !== variant && short(other) === short(variant));
  return new Map(variants.map((variant) => [variant, clash(variant) ? variant : short(variant)]));
})();
const shortName = (variant) => shortNames.get(variant) ?? variant.split("@")[0];

const sliceName = (slice) => `${slice.name} = ${slice.value === "" ? "(empty)" : slice.value}`;
const chosenSlice = () => (state.slice === OVERALL ? "" : sliceName(slices.get(state.slice)));

const versionText = (version) => {
  const [sql, digest] = version.split(" ");
  return sql ? `SQL ${sql}${digest ? ` (${digest})` : ""}` : "";
};

function interval(metric, point) {
  if (point.low === null || point.high === null) {
    const note = (point.note || "").replace(/^no interval: /, "");
    return note ? `no interval: ${note}` : "no interval";
  }
  return `${measure(metric, point.low)} to ${measure(metric, point.high)}`;
}

function tipOf(metric, point, title) {
  const value = point.value === null ? "no value" : measure(metric, point.value);
  return [title, `${metric} ${value}`, interval(metric, point), judgedCount(point.n), versionText(point.version)]
    .filter(Boolean)
    .join("\n");
}

function size(bytes) {
  if (bytes === null) return "–";
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  const step = bytes > 0 ? Math.min(Math.floor(Math.log10(bytes) / 3), 5) : 0;
  return `${fixed(bytes / 1000 ** step, step ? 1 : 0)} ${units[step]}`;
}

function duration(seconds) {
  if (seconds === null) return "–";
  if (seconds < 120) return `${fixed(seconds, 1)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// Return how many rows were judged, in the words of the metric family; a user of ten run dates counts ten times.
function judgedCount(count, dates = 1) {
  const words = plural(count, data.judges);
  return dates > 1 && data.judges !== "row" ? `${words} (each counted once a run date)` : words;
}

// Return the run dates of places, e.g. `10 run dates, 1 Jan to 10 Jan`.
function datesOf(places) {
  const [first, last] = [places[0], places[places.length - 1]].map((place) => shortDay(times[place]));
  return places.length === 1 ? `1 run date, ${first}` : `${plural(places.length, "run date")}, ${first} to ${last}`;
}

const plural = (count, word) => `${grouped(count)} ${word}${count === 1 ? "" : "s"}`;

function listed(words, most) {
  const shown = words.slice(0, most);
  const more = words.length - shown.length;
  return shown.join(", ") + (more > 0 ? ` and ${more} more` : "");
}

// Tell whether the intervals of two points do not overlap; null if one has no interval.
function apart(now, before) {
  if ([now.low, now.high, before.low, before.high].some((end) => end === null)) return null;
  return now.low > before.high || now.high < before.low;
}
