// Sets up the filters and the theme, and starts the drawing.

function option(value, text, chosen) {
  const element = node("option", { value }, text);
  element.selected = chosen;
  return element;
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

// Return the place of the first run date that is not before a day, and of the last one that is not after it.
const placeFrom = (day) => { const place = times.findIndex((time) => time >= day); return place < 0 ? times.length - 1 : place; };
const placeTo = (day) => { const place = times.findLastIndex((time) => time <= day); return place < 0 ? 0 : place; };

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
  // Drawings run one after the other: a view must not change while it runs.
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

// Print on white paper, with charts as wide as the paper.
window.matchMedia("print").addEventListener("change", (event) => {
  setTheme(event.matches ? "light" : theme || (dark.matches ? "dark" : "light"));
  window.dispatchEvent(new Event("resize"));
});
