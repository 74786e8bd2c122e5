// A synthetic video: its events and their claims on a line under it, lit while they happen, the trace and the state beside it.

import { get, media } from "./api.js";
import { go, link } from "./app.js";
import { fill, make, select, show } from "./dom.js";

const STAMP = /(?:(\d+):)?(\d+(?:\.\d+)?)(?= ?s\b| seconds|\])|(\d+):(\d+\.\d+)/g;
const ENDS = /\b(?:to|until|and)\s+$/;
const NEAR = 0.15;

// When a sentence says that something begins; "to 1.8 s" and "and 1.8 s" say when it ends.
function begins(text) {
  return [...text.matchAll(STAMP)].filter((found) => !ENDS.test(text.slice(0, found.index))).map((found) =>
    found[3] !== undefined ? Number(found[3]) * 60 + Number(found[4]) : Number(found[1] || 0) * 60 + Number(found[2]));
}

function sentences(trace) {
  return trace.replace(/<\/?think>/g, "").split(/(?<=[.!?])\s+(?!\[)|\n+/).map((one) => one.replace(/^\d+\. /, "")).filter((one) => one.trim());
}

function bar(event, seconds, video) {
  const element = make("button", { type: "button", class: "event", title: event.note, onclick: () => { video.currentTime = event.begin + 0.001; } },
    event.note, event.claims.length ? make("small", {}, event.claims.join(" · ")) : null);
  const track = make("div", { class: "track" }, make("span", { class: "extent" }));
  track.firstChild.style.marginInlineStart = `${(100 * event.begin) / seconds}%`;
  track.firstChild.style.width = `${Math.max(0.5, (100 * (event.end - event.begin)) / seconds)}%`;
  return { ...event, element, row: make("div", { class: "row" }, element, track) };
}

// What a state says, by object where it is about objects.
function rows(state, objects) {
  const plain = (value) => Array.isArray(value) ? value.map(plain).join(", ") : typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
  return Object.entries(state).filter(([name]) => !["ms", "frame"].includes(name)).flatMap(([name, value]) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.entries(value).map(([id, one]) => [`${objects[id] ?? id}, ${name}`, plain(one)])
      : [[name, plain(value)]]);
}

function options(truth) {
  return make("ol", { class: "options letters" }, (truth.options || []).map((option) => make("li", { class: option === truth.answer ? "right" : null }, option)));
}

function watched(name, truth) {
  const video = make("video", { src: media(name, truth.video), controls: true, muted: true, playsinline: true, preload: "auto", "aria-label": "video" });
  const events = truth.events.map((event) => bar(event, truth.seconds, video));
  const told = sentences(truth.trace).map((text) => ({ at: begins(text), line: make("li", {}, text) }));
  const clock = make("output", {}, "0.00 s");
  const state = make("tbody", {});
  const scrub = make("input", { type: "range", min: 0, max: truth.seconds, step: 0.01, value: "0", "aria-label": "time in seconds", oninput: () => { video.currentTime = Number(scrub.value); } });
  let held = null;

  function tick() {
    const now = video.currentTime;
    clock.textContent = `${now.toFixed(2)} s`;
    scrub.value = String(now);
    const lit = events.filter((event) => event.begin <= now && now < event.end);
    events.forEach((event) => event.row.classList.toggle("now", lit.includes(event)));
    told.forEach((one) => one.line.classList.toggle("now", one.at.some((at) => lit.some((event) => Math.abs(at - event.begin) < NEAR))));
    const found = truth.states.filter((one) => one.ms / 1000 <= now).at(-1) ?? null;
    if (found !== held) fill(state, found ? rows(found, truth.objects).map((row) => make("tr", {}, row.map((cell) => make("td", {}, cell)))) : []);
    held = found;
  }

  const timer = setInterval(tick, 50);
  const element = make("div", { class: "split wide" },
    make("div", {}, video, make("p", { class: "clock" }, clock), scrub,
      make("h3", {}, "Events"), make("div", { class: "timeline", role: "group", "aria-label": "Events" }, events.map((event) => event.row))),
    make("div", {}, told.length ? [make("h3", {}, "Trace"), make("ol", { class: "trace" }, told.map((one) => one.line))] : null,
      truth.states.length ? [make("h3", {}, "State"), make("table", { class: "state" }, make("thead", {}, make("tr", {}, ["what", "value"].map((head) => make("th", { scope: "col" }, head)))), state)] : null));
  return { element, end: () => clearInterval(timer) };
}

export async function showSynthetic(name, query) {
  const videos = await get("videos", { place: name });
  const ways = make("a", { href: link("pairs", name) }, "pairs");
  if (!videos.length) { show(make("h2", {}, name), make("p", {}, "There is no metadata of single videos here. See its ", ways, ".")); return null; }
  const box = make("div", {});
  let end = () => {};

  async function update(now) {
    const chosen = now.get("video") || videos[0].name;
    const truth = await get("timeline", { place: name, video: chosen });
    end();
    const shown = watched(name, truth);
    end = shown.end;
    fill(box, make("div", { class: "controls" }, select("Video", videos.map((one) => [one.name, one.name]), chosen, (one) => go({ video: one })), ways),
      make("h3", {}, truth.question), options(truth), shown.element);
  }

  show(make("h2", {}, name), box);
  await update(query);
  return { update, leave: () => end() };
}
