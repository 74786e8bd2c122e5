// Verification by keyboard: each pair against CRPO's three criteria, accepted or rejected, by any number of raters.

import { get } from "./api.js";
import { make } from "./dom.js";
import { player, strip } from "./pairs.js";
import { question, rate } from "./rating.js";

const CRITERIA = [["static", "Both sides hold the same static content"],
  ["minimal", "Nothing else of time differs: no clock, no text, no people walking backwards"],
  ["unambiguous", "Both right answers are right beyond doubt"]];

async function pairs(place) {
  const all = [];
  for (let page = 0, pages = 1; page < pages; page += 1) {
    const found = await get("pairs", { place, page, answers: "no" });
    all.push(...found.pairs);
    pages = found.pages;
  }
  return all;
}

export async function showVerify(name) {
  const met = new Map();

  async function draw(item, earlier, keys) {
    const pair = await get("pair", { place: name, pair: item.id, answers: "no" });
    const shown = player(name, pair);
    const frames = make("div", {});
    let steps = null;
    const stepped = async (by) => {
      steps ??= await strip(name, pair, 8);
      frames.replaceChildren(steps.element);
      steps.step(by);
    };
    const ticks = CRITERIA.map(([key, text], index) => {
      met.set(key, earlier?.criteria?.[key] ?? true);
      const tick = make("input", { type: "checkbox", checked: met.get(key), onchange: () => met.set(key, tick.checked) });
      keys[String(index + 1)] = () => tick.click();
      return make("label", {}, tick, `${index + 1} ${text}`);
    });
    Object.assign(keys, { " ": shown.toggle, ".": () => stepped(1), ",": () => stepped(-1) });
    return [...question({ question: pair.question, options: pair.sides[0].options }), shown.element, make("p", {}, shown.play), frames,
      make("fieldset", {}, make("legend", {}, "Criteria"), ticks)];
  }

  return rate({
    place: name, title: `Verify ${name}`, task: "verify", load: () => pairs(name), draw,
    verdicts: { a: ["accept", "Accept"], r: ["reject", "Reject"] }, more: () => ({ criteria: Object.fromEntries(met) }),
    help: "A accepts, R rejects, 1 2 3 tick criteria, space plays, , and . step through frames, N and P go on and back.",
  });
}
