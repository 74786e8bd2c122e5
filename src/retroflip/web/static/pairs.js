// Pairs: v and v' in step, played or frame by frame through the frames that a model was shown, and what models answered.

import { get, media } from "./api.js";
import { changed, go, here, link } from "./app.js";
import { button, counted, field, fill, make, options, pager, select, show, table } from "./dom.js";
import { live } from "./live.js";

const OUTCOMES = { both_right: "both right", same_answer: "same answer", swapped: "swapped", only_first: "only the original right",
  only_second: "only the counterfactual right", other: "both wrong in another way", right: "right", wrong: "wrong", unparsed: "unparsed",
  failed: "failed" };
const VIEWS = [["full", "the whole video"], ["reversed", "played backwards"], ["shuffled_frames", "in another order"],
  ["single_frame", "one frame again and again"], ["text_only", "the question alone"]];
const SIDES = ["original", "counterfactual"];

function called(pair, index) {
  return pair.sides.length > 1 ? SIDES[index] : "video";
}

function captioned(pair, index) {
  return make("figcaption", {}, make("b", {}, called(pair, index)), ` ${gold(pair.sides[index])}`);
}

function gold(side) {
  return side.options[side.gold] ? `${side.gold}. ${side.options[side.gold]}` : side.gold;
}

// One thing that a question shows. A folder of frames is no video that plays.
function medium(place, one, label) {
  if (one.kind === "image") return make("img", { src: media(place, one.path), alt: label });
  if (one.kind === "frames") return make("p", { class: "small" }, "A folder of frames: see it frame by frame.");
  const video = make("video", { src: media(place, one.path), muted: true, loop: one.start === null, playsinline: true, preload: "auto", "aria-label": label });
  video.addEventListener("error", () => video.replaceWith(make("p", { class: "fault" }, "This video cannot be shown here: it is not in the folders given, or in a format that this browser does not play. Frame by frame it may be seen.")));
  return video;
}

// All videos in step, each in its own part of a file: where one runs off by more than a frame, it is set back.
export function player(place, pair) {
  const playing = [];
  const figures = pair.sides.map((side, index) => make("figure", {}, captioned(pair, index), side.media.map((one) => {
    const element = medium(place, one, called(pair, index));
    if (one.kind === "video") playing.push({ video: element, begin: one.start ?? 0, end: one.end });
    return element;
  })));
  const play = playing.length ? button("Play", () => toggle()) : null;
  const [first, ...others] = playing;
  const rewind = () => playing.forEach(({ video, begin }) => { video.currentTime = begin; });
  const keep = () => {
    const at = first.video.currentTime - first.begin;
    if (first.end !== null && first.video.currentTime >= first.end) rewind();
    else others.forEach(({ video, begin }) => { if (Math.abs(video.currentTime - begin - at) > 0.1) video.currentTime = begin + at; });
  };
  const toggle = () => {
    if (!first) return;
    const stopped = first.video.paused;
    if (stopped) keep();
    playing.forEach(({ video }) => (stopped ? video.play().catch(() => {}) : video.pause()));
    play.textContent = stopped ? "Pause" : "Play";
  };
  first?.video.addEventListener("timeupdate", keep);
  playing.forEach(({ video, begin }) => video.addEventListener("loadedmetadata", () => { video.currentTime = begin; }));
  return { element: make("div", { class: "sides" }, figures), play, toggle };
}

function when(film, index) {
  const [taken, told] = [film.taken[index], film.seconds[index]].map((one) => one?.toFixed(2));
  if (taken === undefined) return "–";
  return taken === told ? `${taken} s` : `${taken} s (told as ${told} s)`;
}

// The frames of both sides, one place after the other, as a model saw them under a control. model: whose frames; without
// one they are spread evenly.
export async function strip(place, pair, model, control = "full") {
  const seen = await Promise.all(pair.sides.map((_, side) => get("frames", { place, pair: pair.id, side, model, control })));
  const films = seen.flatMap((one) => one.videos);
  if (!films.length) return { element: make("p", {}, "Nothing of the video was shown: the question was asked alone."), step: () => {} };
  const pictures = new Map(films.map((film) => [film, make("img", {})]));
  const said = make("output", {});
  const most = Math.max(...films.map((film) => film.images.length));
  const slide = make("input", { type: "range", min: 0, max: most - 1, value: "0", "aria-label": "frame", oninput: () => at(Number(slide.value)) });
  const at = (index) => {
    seen.forEach((one, side) => one.videos.forEach((film) => Object.assign(pictures.get(film), {
      src: film.images[Math.min(index, film.images.length - 1)], alt: `frame ${index + 1} of the ${called(pair, side)}` })));
    const sampler = seen[0].itself ? `the model chose its own; these are ${seen[0].sampler}` : seen[0].sampler;
    said.textContent = `frame ${index + 1} of ${most} (${sampler}): ${films.map((film) => when(film, index)).join(" and ")}`;
  };
  at(0);
  const step = (by) => {
    slide.value = String(Number(slide.value) + by);
    at(Number(slide.value));
  };
  const figures = seen.map((one, side) => make("figure", {}, captioned(pair, side), one.videos.map((film) => pictures.get(film))));
  return { element: make("div", { class: "strip" }, make("div", { class: "sides" }, figures), slide, said), step };
}

function said(one) {
  if (!one) return "–";
  if (one.error) return make("span", { class: "wrong" }, "failed");
  const text = one.answer === null ? "unparsed" : one.text === one.answer ? one.answer : `${one.answer}. ${one.text}`;
  return make("span", { class: one.correct ? "right" : "wrong" }, `${one.correct ? "✓" : "✗"} ${text}`, one.truncated ? make("small", {}, " cut off") : null);
}

function responses(both, pair) {
  return make("details", {}, make("summary", {}, "read"), both.map((one, index) => one && [
    pair.sides.length > 1 ? make("h4", {}, called(pair, index)) : null, make("pre", { class: "response", tabindex: "0" }, one.response || one.error || "(nothing)")]));
}

function answers(pair) {
  const asked = [...new Set(pair.answers.map((one) => JSON.stringify([one.model, one.control])))].map((one) => JSON.parse(one));
  const sides = pair.sides.map((_, index) => index);
  return table(
    ["model", "shown", ...sides.map((index) => called(pair, index)), "responses"],
    asked.map(([model, control]) => {
      const both = sides.map((side) => pair.answers.find((one) => one.model === model && one.control === control && one.side === side));
      return [model, control.replaceAll("_", " "), ...both.map(said), responses(both, pair)];
    }),
    "What models answered",
  );
}

function about(pair) {
  const labels = Object.entries(pair.labels).map(([name, value]) => `${name}: ${value}`);
  return make("p", { class: "small" }, [pair.id, pair.task, pair.licence, ...labels].filter(Boolean).join(" · "));
}

// Under which controls a model was asked that was shown something, or the question alone.
function views(pair, model) {
  const asked = new Set(pair.answers.filter((one) => one.model === model).map((one) => one.control));
  return VIEWS.filter(([control]) => control === "full" || asked.has(control));
}

// The strip of one model, and what chooses under which control.
function stepped(place, pair, model) {
  const box = make("div", { "aria-live": "polite" });
  let wanted = "";
  const draw = async (control) => {
    wanted = control;
    if (!box.firstChild) fill(box, make("p", {}, "Reading the frames …"));
    const shown = await strip(place, pair, model, control).then((one) => one.element, fault);
    if (wanted === control) fill(box, shown);
  };
  draw("full");
  const ways = views(pair, model);
  return [ways.length > 1 ? make("div", { class: "controls" }, select("Shown as", ways, "full", draw)) : null, box].filter(Boolean);
}

function watched(place, pair, model) {
  if (!pair.shown) return [make("p", { class: "small" }, pair.lacking)];
  const shown = player(place, pair);
  const frames = make("div", { hidden: true });
  const text = model ? `Frame by frame, as ${model} saw it` : "Frame by frame";
  const swap = button(text, () => {
    const stepping = frames.hidden;
    frames.hidden = !stepping;
    shown.element.hidden = stepping;
    if (shown.play) shown.play.hidden = stepping;
    swap.textContent = stepping ? "Back to the videos" : text;
    if (stepping && !frames.firstChild) frames.append(...stepped(place, pair, model));
  });
  return [shown.element, frames, make("p", { class: "buttons" }, shown.play, swap)];
}

function known(pair) {
  return [pair.read < 1 ? make("p", { class: "small" }, `What models answered is still being read: ${Math.floor(100 * pair.read)} %.`) : null,
    pair.answers.length ? answers(pair) : make("p", { class: "small" }, "No model's answers to it are in the folders given.")];
}

function fault(error) {
  return make("p", { class: "fault" }, error.message);
}

// What is shown of a pair. more() reads the answers again, and shows those that have come.
async function onePair(place, id, model) {
  const pair = await get("pair", { place, pair: id });
  const said = make("div", {}, known(pair));
  const more = async () => {
    const again = await get("pair", { place, pair: id });
    if (same([again.read, again.answers], [pair.read, pair.answers])) return;
    Object.assign(pair, { read: again.read, answers: again.answers });
    fill(said, known(pair));
  };
  return { more, parts: [make("h3", { tabindex: "-1" }, pair.question), options(pair.sides[0].options), watched(place, pair, model), said, about(pair)] };
}

function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

function controls(found, asked) {
  const outcomes = Object.entries(OUTCOMES).filter(([value]) => found.outcomes[value] || value === asked.filter)
    .map(([value, text]) => [value, `${text} (${found.outcomes[value] ?? 0})`]);
  const tasks = Object.entries(found.tasks).map(([task, count]) => [task, `${task || "none"} (${count})`]);
  const anew = { page: "", pair: "" };
  return make("div", { class: "controls" },
    found.models.length ? select("Model", found.models.map((one) => [one, one]), found.model, (model) => go({ model, ...anew })) : null,
    outcomes.length ? select("Outcome", [["", "any"], ...outcomes], asked.filter, (filter) => go({ filter, ...anew })) : null,
    tasks.length > 1 ? select("Sub-task", [["", "any"], ...tasks], asked.task, (task) => go({ task, ...anew })) : null,
    field("Search", "search", asked.text, (text) => go({ text, ...anew })));
}

function list(found, chosen, name) {
  return found.pairs.map((pair) => make("li", {}, make("a", {
    id: `pair-${pair.id}`, href: link("pairs", name, changed({ pair: pair.id })), "aria-current": pair.id === chosen ? "true" : null,
  }, make("span", {}, pair.question), make("small", {}, [pair.task, OUTCOMES[pair.outcome]].filter(Boolean).join(" · ")))));
}

function summary(found, verifiable, name) {
  const reading = found.read < 1 ? ` · reading what models answered: ${Math.floor(100 * found.read)} %` : "";
  const damaged = found.damaged ? `, and ${counted(found.damaged, "damaged line")} in answers.jsonl` : "";
  const what = found.paired === found.total ? "pair" : found.paired ? "pairs and question" : "question";
  return make("p", {}, `${counted(found.total, what)}${damaged}${reading}`, verifiable ? [" · ", make("a", { href: link("verify", name) }, "verify them")] : null);
}

export async function showPairs(name, query, places) {
  const verifiable = ["benchmark", "synthetic"].includes(places.find((place) => place.name === name)?.kind);
  const above = make("div", {});
  const items = make("ul", { class: "list" });
  const turning = make("div", {});
  const detail = make("section", { class: "pair" }, make("p", {}, "Reading …"));
  let asked = null;
  let listed = null;
  let open = {};

  const wanted = (now) => Object.fromEntries(["filter", "model", "task", "text", "page"].map((one) => [one, now.get(one) || ""]));

  // Whoever is at a control keeps it as it is while answers come, unless it was the control that asked.
  async function draw(now, chose = false) {
    const wish = asked;
    const found = await get("pairs", { place: name, ...wish });
    if (wish !== asked) return;
    const chosen = now.get("pair") || found.pairs[0]?.id || "";
    if (!same([found, chosen], listed)) {
      if (chose || !above.contains(document.activeElement)) fill(above, controls(found, asked), summary(found, verifiable, name));
      fill(items, list(found, chosen, name));
      fill(turning, pager(Number(asked.page), found.pages, (page) => go({ page: page || "", pair: "" })));
      listed = [found, chosen];
    }
    await look(chosen, found);
  }

  // What somebody looks at already is not begun anew, and asked for again where there are more answers.
  async function look(chosen, { model, read, answers: there }) {
    const next = JSON.stringify([chosen, model]);
    if (next === open.key) {
      if (there !== open.there || open.read < 1) await open.more?.();
      open = { ...open, there, read };
      return;
    }
    open = { key: next, there, read };
    const broken = (error) => ({ parts: [fault(error)] });
    const found = chosen ? await onePair(name, chosen, model).catch(broken) : { parts: [make("p", {}, "No pair passes the filters.")] };
    if (open.key !== next) return;
    fill(detail, found.parts);
    open = { ...open, more: found.more };
  }

  async function update(now) {
    const again = asked && same(wanted(now), asked);
    asked = wanted(now);
    await draw(now, true);
    if (again) detail.querySelector("h3")?.focus();
  }

  show(make("h2", {}, name), above, make("div", { class: "split" }, make("nav", { "aria-label": "Pairs" }, items, turning), detail));
  await update(query);
  return { update, leave: live(() => draw(here().query)) };
}
