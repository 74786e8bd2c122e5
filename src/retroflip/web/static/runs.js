// A run: its metrics over steps, others laid over them, and the groups of rollouts behind each step.

import { get } from "./api.js";
import { go, here } from "./app.js";
import { make, pager, select, show, table, tell } from "./dom.js";
import uPlot from "./uplot.js";

const COLOURS = ["#2166ac", "#b2182b", "#1b7837", "#762a83", "#b35806", "#35978f"];
const PRESETS = {
  "": "what matters most",
  crpo: "CRPO's figures: correctness, relation, behaviour, zero advantage",
  stability: "reward spread, gradient norm, zero advantage",
  all: "all that was logged",
};
const MEMBERS = {
  crpo: ["reward/correct", "reward/original/crr", "reward/counterfactual/behave", "zero_advantage"],
  stability: ["reward_std", "grad_norm", "zero_advantage"],
};
const FILTERS = [["all", "all"], ["zero_variance", "no difference in reward"], ["disagreement", "answers differ"],
  ["truncated", "cut off"], ["unparsed", "unparsed"]];
const REFRESH = 3000;

function smoothed(values, weight) {
  let last = null;
  return values.map((value) => {
    if (value === null || value === undefined) return null;
    last = last === null ? value : weight * last + (1 - weight) * value;
    return last;
  });
}

function aligned(runs, key, weight) {
  const steps = [...new Set(runs.flatMap((run) => run.steps))].sort((a, b) => a - b);
  const lines = runs.map((run) => {
    const at = new Map(run.steps.map((step, index) => [step, run.rows[index][key] ?? null]));
    return smoothed(steps.map((step) => at.get(step) ?? null), weight);
  });
  return [steps, ...lines];
}

function chart(key, title, caption, runs, weight) {
  const box = make("figure", { class: "chart" }, make("figcaption", {}, title, make("small", {}, caption || key)));
  // Drawn once it comes into view, when its width is known: a run may log forty metrics.
  const seen = new IntersectionObserver(([entry]) => {
    if (!entry.isIntersecting) return;
    seen.disconnect();
    const ink = getComputedStyle(document.body).color;
    const axis = { stroke: ink, grid: { stroke: "#8884" }, ticks: { stroke: "#8884" } };
    new uPlot(
      {
        width: box.clientWidth, height: 220, scales: { x: { time: false } }, axes: [axis, { ...axis, size: 56 }],
        series: [{ label: "step" }, ...runs.map((run, index) => ({
          label: run.name, stroke: COLOURS[index % COLOURS.length], width: 2, spanGaps: true, points: { show: runs[0].steps.length < 30 },
        }))],
      },
      aligned(runs, key, weight),
      box,
    );
  });
  seen.observe(box);
  return box;
}

function charts(runs, query) {
  const weight = Number(query.get("smooth") || 0);
  const known = new Map(runs[0].known.map((one) => [one.key, one]));
  const logged = [...new Set(runs.flatMap((run) => run.rows.flatMap((row) => Object.keys(row))))];
  const others = logged.filter((key) => !known.has(key)).sort();
  const preset = query.get("preset") || "";
  const wanted = MEMBERS[preset] || [...known.keys(), ...(preset === "all" ? others : [])];
  const there = wanted.filter((key) => runs.some((run) => run.rows.some((row) => typeof row[key] === "number")));
  return make("div", { class: "charts" }, there.map((key) =>
    chart(key, known.get(key)?.title ?? key, known.get(key)?.caption ?? "", runs, weight)));
}

function controls(name, query, places) {
  const others = places.filter((place) => place.kind === "run" && place.name !== name);
  const beside = new Set((query.get("with") || "").split("|").filter(Boolean));
  return make(
    "div",
    { class: "controls" },
    select("Show", Object.entries(PRESETS), query.get("preset") || "", (preset) => go({ preset })),
    select("Smoothing", [["0", "none"], ["0.6", "some"], ["0.9", "much"]], query.get("smooth") || "0", (smooth) => go({ smooth })),
    others.length
      ? make("fieldset", {}, make("legend", {}, "Beside it"), others.map((place) => {
        const box = make("input", {
          type: "checkbox", checked: beside.has(place.name), onchange: () => {
            box.checked ? beside.add(place.name) : beside.delete(place.name);
            go({ with: [...beside].join("|") });
          },
        });
        return make("label", {}, box, place.name);
      }))
      : null,
  );
}

async function seen(name, row) {
  if (!row.frames) return [make("p", { class: "small" }, "This run did not note which frames were shown.")];
  if (!row.frames.length) return [];
  try {
    const videos = await get("shown", { place: name, step: row.step, sample: row.sample, branch: row.branch });
    return videos.map((video) => make("div", { class: "film", tabindex: "0", role: "group", "aria-label": `frames of ${row.branch}` },
      video.images.map((src, index) => make("figure", {}, make("img", { src, alt: `frame ${video.places[index]}` }),
        make("figcaption", {}, make("small", {}, `${video.seconds[index].toFixed(2)} s`))))));
  } catch (error) {
    return [make("p", { class: "small" }, error.message)];
  }
}

async function rollouts(name, rows) {
  const branches = [...new Set(rows.map((row) => row.branch))];
  return Promise.all(branches.map(async (branch) => {
    const some = rows.filter((row) => row.branch === branch);
    const terms = Object.keys(some[0].rewards || {});
    return make(
      "section",
      {},
      make("h4", {}, `${branch} · ${some[0].view} · right answer ${some[0].gold}`),
      make("p", { class: "small" }, (some[0].options || []).map((option, index) => `${String.fromCharCode(65 + index)}. ${option}`).join("  ")),
      await seen(name, some[0]),
      table(
        ["rollout", "answer", ...terms, "total", "advantage", "response"],
        some.map((row) => [
          row.rollout, row.answer ?? "unparsed", ...terms.map((term) => (row.rewards[term] ?? 0).toFixed(2)),
          row.total.toFixed(2), row.advantage.toFixed(2),
          make("pre", { class: row.truncated ? "cut" : "" }, row.text),
        ]),
        `Rollouts of ${branch}`,
      ),
    );
  }));
}

async function groups(name, query) {
  const asked = { place: name, filter: query.get("filter") || "all", step: query.get("step"), sample: query.get("sample"),
    task_type: query.get("task_type"), page: query.get("page") || 0 };
  const found = await get("groups", asked);
  const box = make("section", { id: "groups" }, make("h2", {}, "Groups"));
  const detail = make("div", {});
  const open = async (group) => {
    detail.replaceChildren(
      make("h3", {}, `step ${group.step}, ${group.sample}`),
      ...await rollouts(name, await get("group", { place: name, step: group.step, sample: group.sample })),
    );
    detail.scrollIntoView({ block: "nearest" });
  };
  box.append(
    make(
      "div",
      { class: "controls" },
      select("Groups", FILTERS, asked.filter, (filter) => go({ filter, page: 0 })),
      select("Task type", ["", "spatial", "temporal", "spatiotemporal", "static"].map((one) => [one, one || "any"]),
        query.get("task_type") || "", (task_type) => go({ task_type, page: 0 })),
      make("label", {}, "Step ", make("input", { type: "number", min: "1", value: query.get("step") || "",
        onchange: (event) => go({ step: event.target.value, page: 0 }) })),
      make("label", {}, "Sample ", make("input", { type: "search", value: query.get("sample") || "",
        onchange: (event) => go({ sample: event.target.value, page: 0 }) })),
    ),
    make("p", {}, `${found.total} groups${found.damaged ? `, and ${found.damaged} damaged lines` : ""}`),
    table(
      ["step", "sample", "task type", "right", "unparsed", "cut off", "signal"],
      found.groups.map((group) => [
        group.step,
        make("button", { type: "button", class: "link", onclick: () => open(group) }, group.sample),
        group.task_type || "–", `${group.right} of ${group.rollouts}`, group.unparsed, group.truncated,
        group.zero_variance ? "none" : "yes",
      ]),
      "Groups of rollouts",
    ),
    pager(Number(asked.page), found.pages, (page) => go({ page })) ?? "",
    detail,
  );
  return box;
}

export async function showRun(name, query, places) {
  const names = [name, ...(query.get("with") || "").split("|").filter(Boolean)];
  const runs = await Promise.all(names.map(async (one) => ({ name: one, ...(await get("metrics", { place: one })) })));
  const about = await get("run", { place: name });
  const method = about.recipe?.method?.name ?? about.recipe?.kind ?? "";
  const drawn = make("div", {}, charts(runs, query));
  const below = make("p", {}, "Reading the rollouts …");
  show(make("h2", {}, `${name}${method ? ` · ${method}` : ""}`), make("p", { id: "steps" }, `${runs[0].steps.length} steps`),
    controls(name, query, places), drawn, below);
  // The first look at a hundred thousand rollouts takes the server a moment: the charts do not wait for it.
  groups(name, query).then((box) => below.replaceWith(box), (error) => { below.textContent = error.message; });
  const timer = setInterval(async () => {
    const last = runs[0].steps.at(-1) || 0;
    const more = await get("metrics", { place: name, after: last }).catch((error) => tell(error.message));
    if (!more?.steps.length || here().name !== name) return;
    runs[0].steps.push(...more.steps);
    runs[0].rows.push(...more.rows);
    document.getElementById("steps").textContent = `${runs[0].steps.length} steps`;
    drawn.replaceChildren(charts(runs, query));
  }, REFRESH);
  return () => clearInterval(timer);
}
