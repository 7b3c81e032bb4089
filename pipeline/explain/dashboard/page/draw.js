// Draws the charts: Vega specifications, run by an interpreter instead of eval.

const views = new Map();
const FONT = getComputedStyle(document.body).fontFamily;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function colours() {
  const named = ["accent", "ink", "muted", "surface"].map((name) => [name, css(name)]);
  return Object.fromEntries([...named, ...data.phases.map((name) => [`phase_${name}`, css(`phase-${name}`)])]);
}

function look() {
  const axis = {
    domain: false, ticks: false, gridColor: css("line"), gridWidth: 1, labelColor: css("muted"), labelFont: FONT, labelFontSize: 12,
    labelPadding: 6, titleFont: FONT, titleFontSize: 12, titleFontWeight: 400, titleColor: css("muted"), titlePadding: 8,
  };
  return { axis, text: { font: FONT }, view: { stroke: null }, style: { cell: { stroke: null } } };
}

const tip = document.getElementById("tip");
function showTip(_handler, event, _item, value) {
  if (value === null || value === undefined || value === "") {
    tip.hidden = true;
    return;
  }
  tip.textContent = String(value);
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = Math.min(event.clientX + 14, window.innerWidth - box.width - 8);
  const above = event.clientY - box.height - 14;
  tip.style.left = `${Math.max(left, 8)}px`;
  tip.style.top = `${above > 8 ? above : event.clientY + 18}px`;
}

// Draw a chart, or update the rows of the existing one.
async function draw(name, tables, signals = {}) {
  const element = document.getElementById(`${name}-chart`);
  const values = { ...colours(), ...signals };
  const existing = views.get(name);
  if (existing && !existing.stale) {
    for (const [table, rows] of Object.entries(tables)) existing.view.data(table, rows);
    for (const [signal, value] of Object.entries(values)) existing.view.signal(signal, value);
    await existing.view.runAsync();
    return;
  }
  existing?.finalize();
  const spec = structuredClone(specs[name]);
  for (const table of spec.data) if (table.name in tables) table.values = tables[table.name];
  for (const signal of spec.signals) if (signal.name in values) signal.value = values[signal.name];
  const result = await vegaEmbed(element, spec, {
    mode: "vega", renderer: "svg", actions: false, ast: true, defaultStyle: false, tooltip: showTip, config: look(),
    logLevel: 1, // errors only: metrics without intervals would cause warnings
  });
  views.set(name, { view: result.view, finalize: () => result.finalize(), stale: false });
}

function empty(name, words) {
  views.get(name)?.finalize();
  views.delete(name);
  const message = document.createElement("p");
  message.className = "empty";
  message.textContent = words;
  document.getElementById(`${name}-chart`).replaceChildren(message);
}

const redrawAll = () => views.forEach((view) => { view.stale = true; });

// Return the run dates to label on an axis: all if there are few, otherwise as many as fit.
function ticks(name) {
  const width = document.getElementById(`${name}-chart`).clientWidth;
  const room = Math.max(Math.floor(width / 76), 2);
  const days = Math.round((times[state.to] - times[state.from]) / DAY);
  const step = [1, 2, 7, 14, 28, 56, 91, 182, 364].find((length) => days / length <= room) || 364;
  const labelled = [];
  for (let time = times[state.to]; time >= times[state.from]; time -= step * DAY) labelled.unshift(time);
  return labelled;
}

function numberFormat(metric) {
  return `,.${Math.max((metrics.get(metric)?.decimals ?? 4) - 1, 0)}~f`;
}
