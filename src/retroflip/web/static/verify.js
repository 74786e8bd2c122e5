// Verification by keyboard: each pair against CRPO's three criteria, accepted or rejected, by any number of raters.

import { get } from "./api.js";
import { button, make } from "./dom.js";
import { player, strip } from "./pairs.js";
import { question, rate } from "./rating.js";

const CRITERIA = [["static", "Both sides hold the same static content"],
  ["minimal", "Nothing else of time differs: no clock, no text, no people walking backwards"],
  ["unambiguous", "Both right answers are right beyond doubt"]];

// Of an accepted pair all criteria are met; of a rejected one those that are ticked, and nothing is known if none was touched.
function said(accepted, met) {
  return accepted || met.size ? Object.fromEntries(CRITERIA.map(([key]) => [key, accepted || met.get(key) === true])) : {};
}

export async function showVerify(name) {
  // What the rater said of each criterion: nothing is said for them, so that a key pressed unseen accepts no criterion.
  const met = new Map();
  let note = null;

  async function draw(item, earlier, keys) {
    const pair = await get("pair", { place: name, pair: item.id, answers: "no" });
    const shown = player(name, pair);
    const frames = make("div", {});
    let steps = null;
    const stepped = async (by) => {
      steps ??= await strip(name, pair);
      frames.replaceChildren(steps.element);
      shown.element.hidden = true;
      steps.step(by);
    };
    const played = () => {
      frames.replaceChildren();
      shown.element.hidden = false;
      shown.toggle();
    };
    met.clear();
    const ticks = CRITERIA.map(([key, text], index) => {
      if (earlier?.criteria?.[key] !== undefined) met.set(key, earlier.criteria[key]);
      const tick = make("input", { type: "checkbox", id: `criterion-${key}`, checked: met.get(key) === true, onchange: () => met.set(key, tick.checked) });
      keys[String(index + 1)] = () => tick.click();
      return make("label", {}, tick, `${index + 1} ${text}`);
    });
    note = make("input", { id: "note", maxLength: 1000, value: earlier?.note ?? "" });
    Object.assign(keys, { " ": played, ".": () => stepped(1), ",": () => stepped(-1) });
    const flags = pair.flags.map((text) => make("p", { class: "small" }, `To look at: ${text}`));
    return [question({ question: pair.question, options: pair.sides[0].options }), flags, shown.element, frames, make("p", {}, button("Play or pause (space)", played)),
      make("fieldset", {}, make("legend", {}, "Criteria that are met"), ticks), make("p", {}, make("label", {}, "Note ", note))];
  }

  return rate({
    place: name, title: `Verify ${name}`, task: "verify", load: () => get("items", { place: name, answers: "no" }), draw,
    verdicts: { a: ["accept", "Accept: all three are met"], r: ["reject", "Reject"] },
    more: (verdict) => ({ criteria: said(verdict === "accept", met), note: note.value }),
    help: "A says that all three criteria are met, and accepts. R rejects: tick with 1 2 3 those that are met, and the others are not. Space plays, comma and full stop step through frames, N and P go on and back.",
  });
}
