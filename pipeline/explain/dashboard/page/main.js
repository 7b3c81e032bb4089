// Filters, the theme, and drawing.

function option(value, text, chosen) {
  const made = node("option", { value }, text);
  made.selected = chosen;
  return made;
}

function fillFilters() {
  for (const id of ["from", "to"]) {
    const input = byId(id);
    input.min = data.dates[0] || "";
    input.max = data.dates[data.dates.length - 1] || "";
    input.value = data.dates[state[id]] || "";
    input.disabled = !data.dates.length;
  }
  byId("metric").replaceChildren(...data.metrics.map(({ name }) => option(name, name, name === state.metric)));
  const groups = new Map();
  for (const [key, slice] of slices) {
    if (!groups.has(slice.name)) groups.set(slice.name, node("optgroup", { label: slice.name }));
    groups.get(slice.name).append(option(key, sliceName(slice), false));
  }
  byId("slice").replaceChildren(option(OVERALL, "overall", true), ...groups.values());
  byId("slice").disabled = !slices.size;
}

// The place of the first run date from a day on, or of the last one up to it.
const placeFrom = (time) => { const found = times.findIndex((each) => each >= time); return found < 0 ? times.length - 1 : found; };
const placeTo = (time) => { const found = times.findLastIndex((each) => each <= time); return found < 0 ? 0 : found; };

function readFilters(event) {
  const day = (id) => Date.parse(`${byId(id).value}T00:00:00Z`);
  const [from, to] = [day("from"), day("to")];
  if (!Number.isNaN(from)) state.from = placeFrom(from);
  if (!Number.isNaN(to)) state.to = placeTo(to);
  if (state.from > state.to) {
    if (event.target.id === "from") state.to = state.from;
    else state.from = state.to;
  }
  byId("from").value = data.dates[state.from] || "";
  byId("to").value = data.dates[state.to] || "";
  if (event.target.id === "metric") state.compared = byId("metric").value;
  if (event.target.id === "compared") state.compared = byId("compared").value;
  state.metric = byId("metric").value;
  state.slice = byId("slice").value;
  state.challenger = byId("challenger").value || state.challenger;
  render();
}

let drawing = Promise.resolve();
function render() {
  // One drawing after the other: a view must not be changed while it runs.
  drawing = drawing.then(renderNow);
  return drawing;
}

async function renderNow() {
  document.documentElement.dataset.drawn = "";
  const charts = [historySection(), slicesSection(), calibrationSection(), comparisonSection(), nightsSection()];
  driftSection();
  today();
  await Promise.all(charts);
  document.documentElement.dataset.drawn = String(Math.round(performance.now()));
}

const dark = window.matchMedia("(prefers-color-scheme: dark)");
let theme = "";
function setTheme(name) {
  if (document.documentElement.dataset.theme === name) return;
  document.documentElement.dataset.theme = name;
  redrawAll();
  render();
}

fillFilters();
document.documentElement.dataset.theme = dark.matches ? "dark" : "light";
render();
byId("filters").addEventListener("change", readFilters);
byId("filters").addEventListener("submit", (event) => event.preventDefault());
for (const id of ["challenger", "compared"]) byId(id).addEventListener("change", readFilters);
byId("drift-more").addEventListener("click", () => {
  byId("drift").classList.add("all");
  byId("drift-more").hidden = true;
});
byId("theme").addEventListener("click", () => {
  theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  setTheme(theme);
});
dark.addEventListener("change", () => { if (!theme) setTheme(dark.matches ? "dark" : "light"); });

let pause = 0;
window.addEventListener("resize", () => {
  clearTimeout(pause);
  pause = setTimeout(render, 150);
});
document.addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });

// Paper is white; charts take the width that they have there.
window.matchMedia("print").addEventListener("change", (event) => {
  setTheme(event.matches ? "light" : theme || (dark.matches ? "dark" : "light"));
  window.dispatchEvent(new Event("resize"));
});
