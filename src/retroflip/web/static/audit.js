// An audit of a router: people say which changes of the video change the answer, without seeing the router's label.

import { get, media } from "./api.js";
import { make } from "./dom.js";
import { question, rate, single } from "./rating.js";

export async function showAudit(name) {
  const draw = async (item, _, keys) => {
    const right = item.options[item.answer] ? `${item.answer}. ${item.options[item.answer]}` : item.answer;
    return [question(item), make("p", {}, `Right answer: ${right}`), item.video ? single(media(name, item.video), keys) : make("p", {}, "No video.")];
  };
  return rate({
    place: name, title: `Audit ${name}`, task: "audit", load: () => get("audit", { place: name }), draw,
    verdicts: { s: ["spatial", "Mirroring changes the answer"], t: ["temporal", "Playing backwards does"], b: ["spatiotemporal", "Both do"], x: ["static", "Neither does"] },
    help: "S, T, B and X label; space plays; N and P go on and back.",
  });
}
