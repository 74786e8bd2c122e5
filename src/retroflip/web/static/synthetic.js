// A synthetic video: its events on a line under it, lit while they happen, and the trace beside them.

import { get, media } from "./api.js";
import { go, link } from "./app.js";
import { make, select, show } from "./dom.js";

function seconds(text) {
  return [...text.matchAll(/(?:(\d+):)?(\d+(?:\.\d+)?)(?= ?s\b| seconds|\])|(\d+):(\d+\.\d+)/g)].map((found) =>
    found[3] !== undefined ? Number(found[3]) * 60 + Number(found[4]) : Number(found[1] || 0) * 60 + Number(found[2]));
}

function sentences(trace) {
  return trace.replace(/<\/?think>/g, "").split(/(?<=[.!?])\s+|\n+/).filter((one) => one.trim());
}

export async function showSynthetic(name, query) {
  const videos = await get("videos", { place: name });
  const chosen = query.get("video") || videos[0]?.name;
  if (!chosen) { show(make("h2", {}, name), make("p", {}, "No video is finished here.")); return null; }
  const truth = await get("timeline", { place: name, video: chosen });
  const video = make("video", { src: media(name, truth.video), controls: true, muted: true, playsinline: true, preload: "auto" });
  const events = truth.events.map((event) => {
    const bar = make("button", { type: "button", title: event.note, class: "event", onclick: () => { video.currentTime = event.begin + 0.001; } }, event.type);
    bar.style.marginInlineStart = `${(100 * event.begin) / truth.seconds}%`;
    bar.style.width = `${Math.max(1, (100 * (event.end - event.begin)) / truth.seconds)}%`;
    return { ...event, bar };
  });
  const told = sentences(truth.trace).map((text) => ({ text, at: seconds(text), line: make("li", {}, text) }));
  const state = make("pre", { class: "state", "aria-live": "off" });
  const clock = make("output", {}, "0.00 s");
  const tick = () => {
    const now = video.currentTime;
    clock.textContent = `${now.toFixed(2)} s`;
    events.forEach((event) => event.bar.classList.toggle("now", event.begin <= now && now < event.end));
    const lit = events.filter((event) => event.begin <= now && now < event.end);
    told.forEach((one) => one.line.classList.toggle("now", one.at.some((at) => lit.some((event) => Math.abs(at - event.begin) < 0.15))));
    const held = truth.states.filter((one) => one.ms / 1000 <= now).at(-1);
    state.textContent = held ? JSON.stringify(held, null, 1) : "";
  };
  const timer = setInterval(tick, 50);
  const scrub = make("input", { type: "range", min: 0, max: truth.seconds, step: 0.01, value: "0", "aria-label": "time in seconds", oninput: () => { video.currentTime = Number(scrub.value); } });
  video.addEventListener("timeupdate", () => { scrub.value = String(video.currentTime); });
  show(
    make("h2", {}, name),
    make("div", { class: "controls" }, select("Video", videos.map((one) => [one.name, one.name]), chosen, (one) => go({ video: one })),
      make("a", { href: link("pairs", name) }, "pairs")),
    make("h3", {}, truth.question),
    make("ol", { class: "options", type: "A" }, (truth.options || []).map((option) => make("li", { class: option === truth.answer ? "right" : "" }, option))),
    make("div", { class: "split wide" },
      make("div", {}, video, make("p", {}, clock), scrub,
        make("div", { class: "timeline", role: "group", "aria-label": "Events" }, events.map((event) => make("div", {}, event.bar)))),
      make("div", {}, told.length ? [make("h3", {}, "Trace"), make("ol", { class: "trace" }, told.map((one) => one.line))] : null,
        truth.states.length ? [make("h3", {}, "State"), state] : null)),
  );
  return () => clearInterval(timer);
}
