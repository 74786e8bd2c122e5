// One item after the other, each labelled by a key, under a rater's name; what verification, audits and preferences share.

import { get, post } from "./api.js";
import { button, fill, make, options, show, tell } from "./dom.js";
import { live } from "./live.js";

const RATER = "retroflip-rater";

export function rater() {
  return localStorage.getItem(RATER) || "";
}

function agreement(labels) {
  const by = new Map();
  labels.forEach((label) => by.set(label.item, [...(by.get(label.item) || []), label.verdict]));
  const several = [...by.values()].filter((said) => said.length > 1);
  const alike = several.filter((said) => new Set(said).size === 1).length;
  return several.length ? ` · raters agree on ${alike} of ${several.length} that several saw` : "";
}

// Whether a key is meant for the control that has the focus, and not for the page.
function taken(event) {
  const { target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return true;
  if (target.matches("input:not([type=checkbox]), select, textarea")) return true;
  return [" ", "Enter"].includes(event.key) && target.matches("button, a, summary, input");
}

// task: as labels call it. items: load(rater) returns them, each with an id. draw(item, earlier, keys) returns what is
// shown of one, and fills `keys`: by key, what it does. verdicts: by key, [verdict, text]. more(verdict): what else a
// label holds.
export async function rate({ place, title, task, load, draw, verdicts, more = () => ({}), help, blind = false }) {
  let items = await load(rater());
  let labels = await get("labels", { place, task });
  let at = 0;
  let busy = false;
  let keys = {};
  const progress = make("p", { "aria-live": "off" });
  const box = make("div", {});
  const who = make("input", { id: "rater", value: rater(), required: true, maxLength: 100, autocomplete: "name", onchange: async () => {
    localStorage.setItem(RATER, who.value.trim());
    items = await load(rater());
    at = next(-1);
    await render();
  } });
  const mine = () => new Map(labels.filter((label) => label.rater === rater()).map((label) => [label.item, label]));

  function next(from) {
    const done = mine();
    const open = items.findIndex((item, index) => index > from && !done.has(item.id));
    return open < 0 ? Math.max(0, Math.min(from + 1, items.length - 1)) : open;
  }

  function counted() {
    progress.textContent = `${at + 1} of ${items.length} · ${mine().size} done${blind ? "" : agreement(labels)}`;
  }

  // A key that is pressed before the next item is there labels nothing: nobody has seen it.
  async function label(verdict) {
    if (busy || !items.length) return;
    if (!rater()) { who.focus(); tell("Type your name first: labels are kept by rater."); return; }
    busy = true;
    try {
      await post("label", { place }, { task, item: items[at].id, rater: rater(), verdict, ...more(verdict) });
      labels = await get("labels", { place, task });
      tell(`${items[at].id}: ${verdict}`);
      at = next(at);
      await render();
    } catch (error) {
      tell(`Not kept: ${error.message}`);
    } finally {
      busy = false;
    }
  }

  async function move(by) {
    at = Math.max(0, Math.min(at + by, items.length - 1));
    await render();
  }

  async function render() {
    if (!items.length) { box.replaceChildren(make("p", {}, "There is nothing to label here.")); return; }
    const earlier = mine().get(items[at].id);
    keys = { n: () => move(1), p: () => move(-1) };
    const shown = await draw(items[at], earlier, keys);
    const ways = Object.entries(verdicts).map(([key, [verdict, text]]) =>
      button(`${text} (${key.toUpperCase()})`, () => label(verdict), { id: `say-${verdict}`, class: earlier?.verdict === verdict ? "chosen" : null, "aria-pressed": String(earlier?.verdict === verdict) }));
    counted();
    fill(box, shown, make("p", { class: "buttons verdicts" }, ways, button("Back (P)", () => move(-1), { id: "back" }), button("On (N)", () => move(1), { id: "on" })));
  }

  async function pressed(event) {
    if (taken(event)) return;
    const key = event.key.toLowerCase();
    const act = verdicts[key] ? () => label(verdicts[key][0]) : keys[key];
    if (!act) return;
    event.preventDefault();
    await act();
  }

  show(make("h2", {}, title), make("div", { class: "controls" }, make("label", {}, "Your name ", who)), make("p", { class: "small" }, help), progress, box);
  at = next(-1);
  document.addEventListener("keydown", pressed);
  await render();
  // What was asked for before a label was kept does not know of it, and what comes while one is kept is left to that.
  const end = live(async () => {
    const before = labels;
    const found = await get("labels", { place, task });
    if (busy || labels !== before) return;
    labels = found;
    counted();
  });
  return { leave: () => { end(); document.removeEventListener("keydown", pressed); } };
}

export function question(item) {
  return [make("h3", {}, item.question), options(item.options)];
}

// One video to be played, and the space bar that plays it.
export function single(source, keys) {
  const video = make("video", { src: source, controls: true, muted: true, loop: true, playsinline: true, "aria-label": "video" });
  keys[" "] = () => (video.paused ? video.play().catch(() => {}) : video.pause());
  return make("div", { class: "one" }, video);
}
