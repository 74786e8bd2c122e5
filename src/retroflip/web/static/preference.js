// Two traces about one question, whose authors nobody is told: which reasons better? (SynRL's blind evaluation)

import { get, media } from "./api.js";
import { make } from "./dom.js";
import { question, rate, single } from "./rating.js";

export async function showPreference(name) {
  const draw = async (item, _, keys) => {
    const traces = ["left", "right"].map((side) => make("section", {}, make("h4", {}, side), make("pre", { class: "told" }, item[side])));
    return [question(item), item.video ? single(media(name, item.video), keys) : make("p", {}, "No video."), make("div", { class: "split wide" }, traces)];
  };
  return rate({
    place: name, title: "Which trace reasons better?", task: "preference", load: (rater) => get("preference", { place: name, rater }), draw, blind: true,
    verdicts: { l: ["left", "Left"], r: ["right", "Right"], t: ["tie", "Tie"] },
    help: "L, R and T choose; space plays; N and P go on and back. Whose traces they are, and on which side, differs by rater and question.",
  });
}
