// Verification by keyboard: each pair against CRPO's three criteria, accepted or rejected, by any number of raters.

import { get, post } from "./api.js";
import { make, show, tell } from "./dom.js";
import { player, strip } from "./pairs.js";

const CRITERIA = [["static", "Frames by themselves do not tell the two apart"],
  ["minimal", "Nothing but the motion in question differs"],
  ["valid", "Both right answers are right, and no other option is"]];
const RATER = "retroflip-rater";

function rater() {
  return localStorage.getItem(RATER) || "";
}

export async function showVerify(name) {
  const all = [];
  for (let page = 0, pages = 1; page < pages; page += 1) {
    const found = await get("pairs", { place: name, page });
    all.push(...found.pairs);
    pages = found.pages;
  }
  let labels = await get("labels", { place: name, task: "verify" });
  let at = 0;
  let shown = null;
  let frames = null;
  let busy = false;
  const met = new Map();

  const mine = () => new Map(labels.filter((label) => label.rater === rater()).map((label) => [label.item, label]));
  const box = make("div", {});
  const who = make("input", { value: rater(), required: true, autocomplete: "name", onchange: () => {
    localStorage.setItem(RATER, who.value.trim());
    at = next(-1);
    render();
  } });

  function next(from) {
    const done = mine();
    const open = all.findIndex((pair, index) => index > from && !done.has(pair.id));
    return open < 0 ? Math.min(from + 1, all.length - 1) : open;
  }

  function agreement() {
    const by = new Map();
    labels.forEach((label) => by.set(label.item, [...(by.get(label.item) || []), label.verdict]));
    const several = [...by.values()].filter((verdicts) => verdicts.length > 1);
    const alike = several.filter((verdicts) => new Set(verdicts).size === 1).length;
    return several.length ? ` · raters agree on ${alike} of ${several.length} pairs that several saw` : "";
  }

  async function label(verdict) {
    if (busy) return;
    if (!rater()) { who.focus(); tell("Type your name first: labels are kept by rater."); return; }
    busy = true;
    const item = all[at].id;
    const body = { task: "verify", item, rater: rater(), verdict, criteria: Object.fromEntries(met) };
    try {
      await post("label", { place: name }, body);
      labels = [...labels.filter((one) => one.item !== item || one.rater !== rater()), body];
      tell(`${item}: ${verdict}ed`);
      at = next(at);
      await render();
    } catch (error) {
      tell(`Not kept: ${error.message}`);
    } finally {
      busy = false;
    }
  }

  async function render() {
    if (!all.length) { box.replaceChildren(make("p", {}, "There are no pairs here.")); return; }
    const pair = await get("pair", { place: name, pair: all[at].id });
    const earlier = mine().get(pair.id);
    met.clear();
    CRITERIA.forEach(([key]) => met.set(key, earlier?.criteria?.[key] ?? true));
    shown = player(name, pair);
    frames = null;
    box.replaceChildren(
      make("p", {}, `pair ${at + 1} of ${all.length} · ${mine().size} done${agreement()}`),
      make("h3", {}, pair.question),
      make("ol", { class: "options", type: "A" }, Object.values(pair.sides[0].options).map((option) => make("li", {}, option))),
      shown.element,
      make("fieldset", {}, make("legend", {}, "Criteria"), CRITERIA.map(([key, text], index) => {
        const tick = make("input", { type: "checkbox", checked: met.get(key), id: `c${index + 1}`, onchange: () => met.set(key, tick.checked) });
        return make("label", {}, tick, `${index + 1} ${text}`);
      })),
      make("p", { class: "buttons" },
        make("button", { type: "button", class: earlier?.verdict === "accept" ? "chosen" : "", onclick: () => label("accept") }, "Accept (A)"),
        make("button", { type: "button", class: earlier?.verdict === "reject" ? "chosen" : "", onclick: () => label("reject") }, "Reject (R)"),
        shown.play),
    );
  }

  async function keys(event) {
    if (event.target instanceof HTMLInputElement && event.target.type !== "checkbox") return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const act = {
      a: () => label("accept"), r: () => label("reject"), " ": () => shown?.toggle(),
      n: () => { at = Math.min(at + 1, all.length - 1); return render(); },
      p: () => { at = Math.max(at - 1, 0); return render(); },
      1: () => document.getElementById("c1")?.click(), 2: () => document.getElementById("c2")?.click(), 3: () => document.getElementById("c3")?.click(),
      ".": () => stepped(1), ",": () => stepped(-1),
    }[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    await act();
  }

  async function stepped(by) {
    if (frames) { frames.step(by); return; }
    frames = await strip(name, await get("pair", { place: name, pair: all[at].id }), 8);
    box.append(frames.element);
  }

  show(make("h2", {}, `Verify ${name}`), make("div", { class: "controls" }, make("label", {}, "Your name ", who)),
    make("p", { class: "small" }, "A accepts, R rejects, 1 2 3 tick criteria, space plays, , and . step through frames, N and P go on and back."), box);
  at = next(-1);
  document.addEventListener("keydown", keys);
  await render();
  return () => document.removeEventListener("keydown", keys);
}
