// Charts: Vega draws what was compiled ahead, with an interpreter in place of eval.

const views = new Map();
const FONT = getComputedStyle(document.body).fontFamily;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function colours() {
  const plainOnes = ["accent", "ink", "muted", "surface"].map((name) => [name, css(name)]);
  return Object.fromEntries([...plainOnes, ...data.phases.map((name) => [`phase_${name}`, css(`phase-${name}`)])]);
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

// Draw a chart, or give the one that is there other rows.
async function draw(name, tables, signals = {}) {
  const element = document.getElementById(`${name}-chart`);
  const values = { ...colours(), ...signals };
  const there = views.get(name);
  if (there && !there.stale) {
    for (const [table, rows] of Object.entries(tables)) there.view.data(table, rows);
    for (const [signal, value] of Object.entries(values)) there.view.signal(signal, value);
    await there.view.runAsync();
    return;
  }
  there?.finalize();
  const spec = structuredClone(specs[name]);
  for (const each of spec.data) if (each.name in tables) each.values = tables[each.name];
  for (const each of spec.signals) if (each.name in values) each.value = values[each.name];
  const result = await vegaEmbed(element, spec, {
    mode: "vega", renderer: "svg", actions: false, ast: true, defaultStyle: false, tooltip: showTip, config: look(),
    logLevel: 1, // errors: metrics without intervals are no reason for a warning
  });
  views.set(name, { view: result.view, finalize: () => result.finalize(), stale: false });
}

function empty(name, words) {
  views.get(name)?.finalize();
  views.delete(name);
  const said = document.createElement("p");
  said.className = "empty";
  said.textContent = words;
  document.getElementById(`${name}-chart`).replaceChildren(said);
}

const redrawAll = () => views.forEach((each) => { each.stale = true; });

// Run dates to be written on an axis: all of few, else about as many as there is room for.
function ticks(name) {
  const width = document.getElementById(`${name}-chart`).clientWidth;
  const room = Math.max(Math.floor(width / 76), 2);
  const days = Math.round((times[state.to] - times[state.from]) / DAY);
  const step = [1, 2, 7, 14, 28, 56, 91, 182, 364].find((each) => days / each <= room) || 364;
  const found = [];
  for (let time = times[state.to]; time >= times[state.from]; time -= step * DAY) found.unshift(time);
  return found;
}

function numberFormat(metric) {
  return `,.${Math.max((metrics.get(metric)?.decimals ?? 4) - 1, 0)}~f`;
}
