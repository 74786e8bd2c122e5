// The groups of rollouts behind the steps of a run, and of one of them what the model saw, said and was paid.

import { get } from "./api.js";
import { go } from "./app.js";
import { button, counted, field, fill, make, number, pager, select, table } from "./dom.js";
import { live } from "./live.js";

const FILTERS = [["all", "all"], ["zero_variance", "no difference in reward"], ["disagreement", "answers differ"],
  ["truncated", "cut off"], ["unparsed", "unparsed"]];

function film(branch, video) {
  return make("div", { class: "film", tabindex: "0", role: "group", "aria-label": `frames of ${branch}` },
    video.images.map((src, index) => make("figure", {}, make("img", { src, alt: `frame ${video.places[index]}` }),
      make("figcaption", {}, make("small", {}, `${video.seconds[index].toFixed(2)} s`)))));
}

async function seen(place, row) {
  if (!row.frames) return { note: "This run did not note which frames were shown." };
  try {
    return await get("shown", { place, step: row.step, sample: row.sample, branch: row.branch });
  } catch (error) {
    return { note: error.message };
  }
}

function answered(row) {
  const text = row.answer ?? "unparsed", cut = row.truncated ? make("small", {}, " cut off") : null;
  // What is right of another clip than the question's is not known: there the reward is for a change.
  if (row.rewards?.correct === undefined) return make("span", {}, text, cut);
  const right = row.rewards.correct === 1;
  return make("span", { class: right ? "right" : "wrong" }, `${right ? "✓" : "✗"} ${text}`, cut);
}

function paid(rows, branch) {
  const terms = [...new Set(rows.flatMap((row) => Object.keys(row.rewards || {})))];
  return table(
    ["rollout", "answer", ...terms, "total", "advantage", "response"],
    rows.map((row) => [row.rollout, answered(row), ...terms.map((term) => number(row.rewards?.[term])), number(row.total), number(row.advantage),
      make("pre", { class: "response", tabindex: "0" }, row.text)]),
    `Rollouts on the ${branch} video`,
  );
}

function branch(name, rows, shown) {
  const [first] = rows;
  const letters = [first.options ?? []].flat().map((option, index) => `${String.fromCharCode(65 + index)}. ${option}`);
  return make("section", { class: "branch" },
    make("h4", {}, name, make("small", {}, ` view: ${first.view} · right answer${first.rewards?.correct === undefined ? " to the clip as it is" : ""}: ${first.gold}`)),
    letters.length ? make("p", { class: "small" }, letters.join(" · ")) : null,
    shown.note ? make("p", { class: "small" }, shown.note) : null,
    (shown.videos || []).map((video) => film(name, video)),
    paid(rows, name));
}

async function opened(place, group) {
  const rows = await get("group", { place, step: group.step, sample: group.sample });
  const names = [...new Set(rows.map((row) => row.branch))];
  const by = names.map((name) => rows.filter((row) => row.branch === name));
  const shown = await Promise.all(by.map(([first]) => seen(place, first)));
  const question = shown.find((one) => one.question)?.question;
  return [make("h3", { tabindex: "-1" }, `Step ${group.step}, ${group.sample}`), question ? make("p", { class: "question" }, question) : null,
    ...names.map((name, index) => branch(name, by[index], shown[index]))];
}

function listed(found, chosen, open) {
  const row = (group) => [
    group.step,
    button(group.sample, () => open(group), { class: "link", id: `group-${group.step}-${group.sample}`, "aria-current": group.step === chosen?.step && group.sample === chosen?.sample ? "true" : null }),
    group.task_type || "–", `${group.right} of ${group.judged}`, group.unparsed, group.truncated, group.zero_variance ? "none" : "yes",
  ];
  return table(["step", "sample", "task type", "right", "unparsed", "cut off", "signal"], found.groups.map(row), "Groups of rollouts");
}

function counts(found) {
  const all = counted(found.all, "group");
  const of = found.total === found.all ? all : `${found.total} of ${all}`;
  const damaged = found.damaged ? `, and ${counted(found.damaged, "damaged line")}` : "";
  const reading = found.read < 1 ? ` so far: ${Math.floor(100 * found.read)} % of rollouts.jsonl is read` : "";
  return `${of}${damaged}${reading}`;
}

export function showGroups(place, query) {
  const box = make("section", { id: "groups" });
  const detail = make("div", { "aria-live": "polite" });
  const fresh = make("p", {});
  const told = make("p", {});
  let asked = {};
  let drawn = "";
  let chosen = null;
  let stop = () => {};

  function wanted(now) {
    const of = (name) => now.get(name) || "";
    return { place, filter: of("filter"), step: of("step"), sample: of("sample"), task_type: of("task_type"), page: Number(of("page")) };
  }

  async function open(group) {
    chosen = group;
    fill(detail, ...await opened(place, group).catch((error) => [make("p", { class: "fault" }, error.message)]));
    detail.querySelector("h3")?.focus();
    detail.scrollIntoView({ block: "start" });
  }

  async function draw() {
    const found = await get("groups", asked);
    const types = [["", "any"], ...found.task_types.map((one) => [one, one])];
    fresh.replaceChildren();
    told.textContent = counts(found);
    // What somebody may be about to click on is not put there anew while the file is read on.
    const next = JSON.stringify([asked, found.groups, found.task_types, found.pages, found.all > 0]);
    if (next !== drawn) fill(box,
      make("h2", {}, `Groups of ${place}`),
      make("div", { class: "controls" },
        select("Groups", FILTERS, asked.filter || "all", (filter) => go({ filter, page: "" })),
        select("Task type", types, asked.task_type, (task_type) => go({ task_type, page: "" })),
        field("Step", "number", asked.step, (step) => go({ step, page: "" })),
        field("Sample", "search", asked.sample, (sample) => go({ sample, page: "" }))),
      told, fresh,
      found.groups.length ? listed(found, chosen, open) : make("p", {}, found.all ? "No group passes the filters." : "No rollouts were written down."),
      pager(asked.page, found.pages, (page) => go({ page: page || "" })), detail);
    drawn = next;
    if (found.read === 1) stop();
    return found.read;
  }

  async function update(now) {
    const next = wanted(now);
    if (JSON.stringify(next) === JSON.stringify(asked)) return;
    asked = next;
    stop();
    try {
      // The first look at a hundred thousand rollouts takes the server a moment: what was read by then is shown.
      if (await draw() < 1) stop = live(draw);
    } catch (error) {
      drawn = "";
      fill(box, make("p", { class: "fault" }, error.message));
    }
  }

  update(query);
  return {
    element: box,
    update,
    grown: () => fill(fresh, button("There are new rollouts: show them", draw, { id: "fresh" })),
    end: () => stop(),
  };
}
