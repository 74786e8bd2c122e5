// Pairs: v and v' in step, played or frame by frame through the frames that a model sees, and what models answered.

import { get, media } from "./api.js";
import { go, link } from "./app.js";
import { make, pager, select, show, table } from "./dom.js";

const FILTERS = [["all", "all"], ["both_right", "both right"], ["same_answer", "same answer"], ["swapped", "swapped"],
  ["only_first", "only the original right"], ["unparsed", "unparsed"]];

export function player(place, pair) {
  const videos = pair.sides.map((side) =>
    make("video", { src: media(place, side.video), muted: true, loop: true, playsinline: true, preload: "auto" }));
  const both = (act) => videos.forEach(act);
  const play = make("button", { type: "button", onclick: () => toggle() }, "Play both");
  const toggle = () => {
    const stopped = videos[0].paused;
    if (stopped) both((video) => { video.currentTime = videos[0].currentTime; });
    both((video) => (stopped ? video.play().catch(() => {}) : video.pause()));
    play.textContent = stopped ? "Pause both" : "Play both";
  };
  const figures = videos.map((video, index) =>
    make("figure", {}, video, make("figcaption", {}, `${index ? "counterfactual" : "original"}: ${named(pair.sides[index])}`)));
  return { element: make("div", { class: "sides" }, figures), play, toggle };
}

function named(side) {
  return side.options[side.gold] ? `${side.gold}. ${side.options[side.gold]}` : side.gold;
}

export async function strip(place, pair, count) {
  const seen = await Promise.all(pair.sides.map((side) =>
    get("frames", { place, path: side.video, frames: count, start: side.start, end: side.end })));
  const pictures = seen.map((one, index) => make("img", { alt: `frame of the ${index ? "counterfactual" : "original"}`, src: one.images[0] }));
  const said = make("output", {});
  const slide = make("input", { type: "range", min: 0, max: seen[0].images.length - 1, value: "0", "aria-label": "frame",
    oninput: () => at(Number(slide.value)) });
  const at = (index) => {
    pictures.forEach((picture, side) => { picture.src = seen[side].images[index] ?? picture.src; });
    said.textContent = `frame ${index + 1} of ${seen[0].images.length}: ${seen.map((one) => `${one.seconds[index]?.toFixed(2)} s`).join(" and ")}`;
  };
  at(0);
  const step = (by) => {
    slide.value = String(Number(slide.value) + by);
    at(Number(slide.value));
  };
  return { element: make("div", {}, make("div", { class: "sides" }, pictures.map((one) => make("figure", {}, one))), slide, said), step };
}

function answers(pair) {
  const models = [...new Set(pair.answers.map((one) => `${one.model}\u0000${one.control}`))];
  return table(
    ["model", "shown", "original", "counterfactual", "responses"],
    models.map((key) => {
      const [model, control] = key.split("\u0000");
      const both = [0, 1].map((side) => pair.answers.find((one) => one.model === model && one.control === control && one.side === side));
      return [model, control.replace("_", " "), ...both.map(said),
        make("details", {}, make("summary", {}, "read"), both.filter(Boolean).map((one) => make("pre", {}, one.response || one.error || "")))];
    }),
    "What models answered",
  );
}

function said(one) {
  if (!one) return "–";
  if (one.error) return make("span", { class: "wrong" }, "failed");
  const text = one.answer === null ? "unparsed" : one.text === one.answer ? one.answer : `${one.answer}. ${one.text}`;
  return make("span", { class: one.correct ? "right" : "wrong" }, `${one.correct ? "✓" : "✗"} ${text}`);
}

async function onePair(place, id, query) {
  const pair = await get("pair", { place, pair: id });
  const shown = player(place, pair);
  const frames = make("div", {}, make("button", { type: "button", onclick: async (event) => {
    event.target.disabled = true;
    frames.replaceChildren((await strip(place, pair, Number(query.get("frames") || 8))).element);
  } }, "Frame by frame, as a model sees them"));
  return make("section", { class: "pair" },
    make("h3", {}, pair.question),
    make("ol", { class: "options", type: "A" }, Object.values(pair.sides[0].options).map((option) => make("li", {}, option))),
    shown.element, make("p", {}, shown.play), frames, pair.answers.length ? answers(pair) : make("p", {}, "No model's answers are in the folders given."),
    make("p", { class: "small" }, [pair.id, pair.task, pair.licence, ...Object.entries(pair.labels).map(([name, value]) => `${name}: ${value}`)].filter(Boolean).join(" · ")));
}

export async function showPairs(name, query) {
  const asked = { place: name, filter: query.get("filter") || "all", model: query.get("model"), task: query.get("task"),
    text: query.get("text"), page: query.get("page") || 0 };
  // The questions are there at once; the answers of several models take the server a moment, the first time.
  if (asked.filter === "all" && !query.get("pair")) {
    const bare = await get("pairs", { ...asked, answers: "no" });
    show(make("h2", {}, name), make("p", {}, `${bare.total} pairs. Reading what models answered …`),
      make("ul", { class: "list" }, bare.pairs.map((pair) => make("li", {}, pair.question))));
  }
  let found = await get("pairs", asked);
  if (!asked.model && found.models.length) {
    asked.model = found.models[0];
    found = await get("pairs", asked);
  }
  const chosen = query.get("pair") || found.pairs[0]?.id;
  show(
    make("h2", {}, name),
    make("div", { class: "controls" },
      found.models.length ? select("Model", found.models.map((one) => [one, one]), asked.model, (model) => go({ model, page: 0 })) : null,
      select("Pairs", FILTERS.map(([value, text]) => [value, found.outcomes[value] ? `${text} (${found.outcomes[value]})` : text]), asked.filter,
        (filter) => go({ filter, page: 0, pair: "" })),
      select("Sub-task", [["", "any"], ...Object.entries(found.tasks).map(([task, count]) => [task, `${task || "none"} (${count})`])], asked.task || "",
        (task) => go({ task, page: 0, pair: "" })),
      make("label", {}, "Search ", make("input", { type: "search", value: query.get("text") || "", onchange: (event) => go({ text: event.target.value, page: 0, pair: "" }) }))),
    make("p", {}, `${found.total} pairs · `, make("a", { href: link("verify", name) }, "verify them")),
    make("div", { class: "split" },
      make("nav", { "aria-label": "Pairs" }, make("ul", { class: "list" }, found.pairs.map((pair) =>
        make("li", {}, make("a", { href: link("pairs", name, { ...Object.fromEntries(query), pair: pair.id }), "aria-current": pair.id === chosen ? "true" : null },
          make("span", {}, pair.question), make("small", {}, [pair.task, pair.outcome.replace("_", " ")].filter(Boolean).join(" · ")))))),
        pager(Number(asked.page), found.pages, (page) => go({ page, pair: "" })) ?? ""),
      chosen ? await onePair(name, chosen, query) : make("p", {}, "No pair passes the filters.")),
  );
}
