// Charts by uPlot: lines over steps or over a setting, bands over seeds, and below them their names with values.

import { make, short } from "./dom.js";
import uPlot from "./uplot.js";

const COLOURS = 7;
const DASHES = [[], [8, 4], [2, 4]];
const HEIGHT = 230;
const WHOLE = [1, 2, 5].flatMap((one) => Array.from({ length: 10 }, (_, power) => one * 10 ** power)).sort((a, b) => a - b);

// Gives each line of a page one look in all of its charts.
export function looks() {
  const known = new Map();
  return (name) => {
    if (!known.has(name)) known.set(name, known.size);
    const place = known.get(name);
    const dash = Math.floor(place / COLOURS) % DASHES.length;
    return { slot: place % COLOURS, dash, stroke: ink(`--s${place % COLOURS}`) };
  };
}

function ink(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function column(xs, steps, values) {
  const at = new Map(steps.map((step, index) => [step, values[index] ?? null]));
  return xs.map((x) => at.get(x) ?? null);
}

function faint(colour) {
  return `${colour}44`;
}

// What uPlot draws of a line: its band's two edges, the values before smoothing, and the line itself, on top.
function parts(line, look, dots) {
  const edge = { stroke: faint(look.stroke), width: 0.5, points: { show: false }, spanGaps: true };
  const band = line.low.length ? [{ ...edge, values: line.high }, { ...edge, values: line.low }] : [];
  const raw = line.raw.length ? [{ ...edge, width: 1, values: line.raw }] : [];
  const dash = DASHES[look.dash];
  return [...band, ...raw, { stroke: look.stroke, width: 2, dash, points: { show: dots, size: 6, fill: look.stroke }, spanGaps: true, values: line.mean }];
}

function axis(more) {
  const colour = ink("--ink");
  return { stroke: colour, grid: { stroke: ink("--grid"), width: 1 }, ticks: { stroke: ink("--grid"), width: 1 }, font: "12px system-ui, sans-serif", ...more };
}

function bounds(share, lines) {
  const values = lines.flatMap((line) => [...line.mean, ...line.low, ...line.high, ...line.raw]);
  const within = share && values.every((value) => value >= 0 && value <= 1);
  return within ? { range: [-0.02, 1.02] } : {};
}

function drawing(box, lines, look, { share, x, told }) {
  const xs = [...new Set(lines.flatMap((line) => line.steps))].sort((a, b) => a - b);
  const all = lines.map((line) => parts(line, look(line.name), x !== "step" || line.steps.length < 30));
  const starts = all.map((_, index) => 1 + all.slice(0, index).reduce((sum, some) => sum + some.length, 0));
  const bands = lines.map((line, index) => ({ line, start: starts[index] })).filter((one) => one.line.low.length)
    .map(({ line, start }) => ({ series: [start, start + 1], fill: `${look(line.name).stroke}33` }));
  const series = all.flat().map(({ values, ...style }) => style);
  return new uPlot(
    {
      width: Math.max(200, box.clientWidth), height: HEIGHT, legend: { show: false },
      scales: { x: { time: false }, y: bounds(share, lines) },
      axes: [axis({ label: x, incrs: x === "step" ? WHOLE : null, labelSize: 20, labelFont: "12px system-ui, sans-serif", size: 34 }), axis({ size: 52 })],
      series: [{}, ...series], bands,
      cursor: { y: false, points: { show: false } },
      hooks: { setCursor: [(drawn) => told(drawn.cursor.idx === null || drawn.cursor.idx === undefined ? null : xs[drawn.cursor.idx])] },
    },
    [xs, ...lines.flatMap((line, index) => all[index].map((one) => column(xs, line.steps, one.values)))],
    box,
  );
}

function key(lines, look, x, unit) {
  const says = new Map(lines.map((line) => [line.name, make("output", {}, "")]));
  const list = make("ul", { class: "key" }, lines.map((line) => {
    const { slot, dash } = look(line.name);
    return make("li", {}, make("span", { class: `swatch s${slot} d${dash}`, "aria-hidden": "true" }), make("span", { class: "name" }, line.name), says.get(line.name));
  }));
  const tell = (at) => lines.forEach((line) => {
    const place = at === null ? line.mean.length - 1 : line.steps.indexOf(at);
    const range = line.low.length && place >= 0 ? ` (${short(line.low[place])} to ${short(line.high[place])})` : "";
    says.get(line.name).textContent = place < 0 ? "" : `${unit(line.mean[place])}${range}${at === null ? "" : ` at ${x} ${short(at)}`}`;
  });
  tell(null);
  return { list, tell };
}

// A chart whose lines are read once it comes into view: a run may log a hundred metrics. read() returns { lines, notes }.
// refresh() reads them again, at once where they are seen.
export function chart({ title, caption, share = false, x = "step" }, look, read) {
  const plot = make("div", { class: "plot", "aria-hidden": "true" });
  const names = make("div", {});
  const box = make("figure", { class: "chart" }, make("figcaption", {}, title, make("small", {}, caption)), plot, names);
  let drawn = null;
  let visible = false;
  let stale = true;
  let busy = false;
  let ended = false;

  async function draw() {
    stale = false;
    const { lines, notes = [] } = await read();
    if (ended) return;
    drawn?.destroy();
    const { list, tell } = key(lines, look, x, short);
    names.replaceChildren(list, ...notes.map((note) => make("p", { class: "small" }, note)));
    drawn = lines.length ? drawing(plot, lines, look, { share, x, told: tell }) : null;
  }

  // What is asked for while a slow server still answers is asked once, behind that.
  async function attempt() {
    if (busy) return;
    busy = true;
    while (stale && visible && !ended) await draw().catch((error) => names.replaceChildren(make("p", { class: "small" }, error.message)));
    busy = false;
  }

  const seen = new IntersectionObserver(([entry]) => {
    visible = entry.isIntersecting;
    if (visible && stale) attempt();
  }, { rootMargin: "200px" });
  const sized = new ResizeObserver(() => drawn?.setSize({ width: Math.max(200, plot.clientWidth), height: HEIGHT }));
  seen.observe(box);
  sized.observe(plot);
  return {
    element: box,
    refresh: () => { stale = true; if (visible) attempt(); },
    end: () => { ended = true; seen.disconnect(); sized.disconnect(); drawn?.destroy(); },
  };
}
