// Runs: metrics over steps, several beside each other, the papers' figures, and sweeps; below, the groups of one run.

import { get } from "./api.js";
import { go, here } from "./app.js";
import { chart, looks } from "./charts.js";
import { button, counted, fill, make, select, show } from "./dom.js";
import { showGroups } from "./groups.js";
import { live } from "./live.js";

const SWEEPS = "crpo_sensitivity";
const SMOOTHING = [["none", "none"], ["tenth", "over a tenth"], ["third", "over a third"]];
const SEEDS = [["", "one line with its band"], ["apart", "each run by itself"]];

function wanted(name, query) {
  return {
    place: [name, ...query.getAll("with")],
    preset: query.get("preset") || "main",
    smooth: query.get("smooth") || "none",
    seeds: query.get("seeds") || "",
    metric: query.get("metric") || "",
  };
}

function chooser(name, chosen, places) {
  const others = places.filter((place) => place.kind === "run" && place.name !== name).map((place) => place.name);
  if (!others.length) return null;
  const picked = new Set(chosen.filter((one) => one !== name));
  const pick = (names) => go({ with: names });
  return make("details", { id: "beside", open: picked.size > 0 && others.length < 8 },
    make("summary", {}, `Runs beside it: ${picked.size} of ${others.length}`),
    make("div", { class: "choices" }, others.map((one) =>
      make("label", {}, make("input", { type: "checkbox", id: `beside-${one}`, checked: picked.has(one), onchange: (event) => {
        event.target.checked ? picked.add(one) : picked.delete(one);
        pick([...picked]);
      } }), make("span", {}, one)))),
    make("p", {}, button("All", () => pick(others), { id: "beside-all" }), " ", button("None", () => pick([]), { id: "beside-none" })));
}

function controls(name, asked, places, presets, metrics) {
  const sweeping = asked.preset === SWEEPS;
  return [
    make("div", { class: "controls" },
      select("Show", presets, asked.preset, (preset) => go({ preset })),
      sweeping ? null : select("Smoothing", SMOOTHING, asked.smooth, (smooth) => go({ smooth })),
      sweeping ? null : select("Runs of several seeds", SEEDS, asked.seeds, (seeds) => go({ seeds })),
      sweeping && metrics.length ? select("Score", metrics.map((one) => [one.key, one.title]), asked.metric, (metric) => go({ metric })) : null),
    chooser(name, asked.place, places),
  ];
}

function swept(axis, title, look) {
  const lines = axis.lines.map((line) => ({
    name: line.name || title, steps: line.points.map((point) => point.at), mean: line.points.map((point) => point.mean), raw: [],
    low: line.points.map((point) => point.low ?? point.mean), high: line.points.map((point) => point.high ?? point.mean),
  }));
  return chart({ title: `${title} over ${axis.title}`, caption: axis.settings.join(", "), x: axis.title }, look, async () => ({ lines }));
}

function unswept(found) {
  if (!found.scored) return "None of these runs' models was asked in the folders given: retroflip generate --model RUN/model, and give the folder of its answers too.";
  return "No two of these runs differ in one setting alone. Take more runs beside this one.";
}

async function sweeps(asked) {
  const found = await get("sweeps", { place: asked.place, metric: asked.metric });
  const title = found.metrics.find((one) => one.key === found.metric)?.title ?? "";
  const look = looks();
  const made = found.axes.filter((axis) => axis.lines.length).map((axis) => swept(axis, title, look));
  const note = made.length ? "A band spans the seeds; of a single run it is the 95 % interval of its score." : unswept(found);
  return { made, note, metrics: found.metrics, metric: found.metric };
}

async function curves(asked) {
  const { charts, lacking } = await get("charts", { place: asked.place, preset: asked.preset });
  const look = looks();
  const made = charts.map((one) => chart(one, look, () =>
    get("curves", { place: one.runs, key: one.keys, smooth: asked.smooth, seeds: asked.seeds })));
  const of = lacking.length && (asked.preset !== "main" || !charts.length) ? `Not logged by any of these runs: ${lacking.join(", ")}.` : "";
  return { made, note: of, metrics: [], metric: "" };
}

function recipe(about) {
  return about.recipe ? make("details", {}, make("summary", {}, "Recipe"), make("pre", {}, JSON.stringify(about.recipe, null, 1))) : null;
}

export async function showRun(name, query, places) {
  const about = await get("run", { place: name });
  const presets = await get("presets");
  const method = about.recipe?.method?.name ?? about.recipe?.kind ?? "";
  const steps = make("p", { id: "steps" });
  const above = make("div", {});
  const drawn = make("div", { class: "charts" });
  const note = make("p", { class: "small" });
  const groups = showGroups(name, query);
  let asked = wanted(name, query);
  let made = [];
  let states = null;

  function told(found) {
    states = found;
    const of = found[name];
    fill(steps, `${counted(of.steps, "step")}${of.damaged ? `, and ${counted(of.damaged, "damaged line")} in metrics.jsonl` : ""}`);
  }

  async function draw() {
    note.textContent = asked.preset === SWEEPS ? "Reading what the models scored …" : "";
    const wish = asked;
    const found = await (wish.preset === SWEEPS ? sweeps : curves)(wish);
    if (wish !== asked) { found.made.forEach((one) => one.end()); return; }
    made.forEach((one) => one.end());
    made = found.made;
    fill(above, ...controls(name, { ...asked, metric: found.metric }, places, presets, found.metrics).filter(Boolean));
    drawn.replaceChildren(...made.map((one) => one.element));
    note.textContent = found.note;
  }

  async function look() {
    const found = await get("state", { place: asked.place });
    if (here().name !== name) return;
    const differs = (what) => asked.place.some((one) => found[one][what] !== states[one]?.[what]);
    const [anew, on] = [differs("generation") || differs("metrics"), differs("steps")];
    const more = found[name].rollouts !== states[name].rollouts;
    told(found);
    if (anew) await draw();
    else if (on) made.forEach((one) => one.refresh());
    if (more) groups.grown();
  }

  show(make("h2", {}, `${name}${method ? ` · ${method}` : ""}`), steps, above, note, drawn, recipe(about), groups.element);
  told(await get("state", { place: asked.place }));
  await draw();
  const end = live(look);
  return {
    leave: () => { end(); groups.end(); made.forEach((one) => one.end()); },
    update: async (now) => {
      const next = wanted(name, now);
      if (JSON.stringify(next) !== JSON.stringify(asked)) {
        asked = next;
        told(await get("state", { place: asked.place }));
        await draw();
      }
      await groups.update(now);
    },
  };
}
