// Two traces about one question, whose authors nobody is told: which reasons better? (SynRL's blind evaluation)

import { get, media } from "./api.js";
import { make } from "./dom.js";
import { question, rate } from "./rating.js";

export async function showPreference(name) {
  const draw = async (item, _, keys) => {
    const video = item.video ? make("video", { src: media(name, item.video), controls: true, muted: true, playsinline: true }) : null;
    if (video) keys[" "] = () => (video.paused ? video.play().catch(() => {}) : video.pause());
    return [...question(item), video ? make("div", { class: "one" }, video) : make("p", {}, "No video."),
      make("div", { class: "split wide" }, ["left", "right"].map((side) => make("section", {}, make("h4", {}, side), make("pre", { class: "told" }, item[side]))))];
  };
  return rate({
    place: name, title: "Which trace reasons better?", task: "preference", load: (rater) => get("preference", { place: name, rater }), draw,
    verdicts: { l: ["left", "Left"], r: ["right", "Right"], t: ["tie", "Tie"] },
    help: "L, R and T choose; space plays; N and P go on and back. Whose traces they are, and on which side, differs by rater and question.",
  });
}
