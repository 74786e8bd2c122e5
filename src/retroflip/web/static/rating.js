// One item after the other, each labelled by a key, under a rater's name; what verification, audits and preferences share.

import { get, post } from "./api.js";
import { make, show, tell } from "./dom.js";

const RATER = "retroflip-rater";

export function rater() {
  return localStorage.getItem(RATER) || "";
}

// task: as labels call it. items: load(rater) returns them, each with an id. draw(item, earlier) returns what is shown of
// one, and fills `keys`: by key, what it does. verdicts: by key, [verdict, text]. more(): what else a label holds.
export async function rate({ place, title, task, load, draw, verdicts, more = () => ({}), help }) {
  let items = await load(rater());
  let labels = await get("labels", { place, task });
  let at = 0;
  let busy = false;
  let keys = {};
  const box = make("div", {});
  const who = make("input", { value: rater(), required: true, autocomplete: "name", onchange: async () => {
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

  function agreement() {
    const by = new Map();
    labels.forEach((label) => by.set(label.item, [...(by.get(label.item) || []), label.verdict]));
    const several = [...by.values()].filter((said) => said.length > 1);
    const alike = several.filter((said) => new Set(said).size === 1).length;
    return several.length ? ` · raters agree on ${alike} of ${several.length} that several saw` : "";
  }

  // A key that is pressed before the next item is there labels nothing: nobody has seen it.
  async function label(verdict) {
    if (busy) return;
    if (!rater()) { who.focus(); tell("Type your name first: labels are kept by rater."); return; }
    busy = true;
    try {
      await post("label", { place }, { task, item: items[at].id, rater: rater(), verdict, ...more() });
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

  async function render() {
    if (!items.length) { box.replaceChildren(make("p", {}, "There is nothing to label here.")); return; }
    const earlier = mine().get(items[at].id);
    keys = {};
    const shown = await draw(items[at], earlier, keys);
    box.replaceChildren(
      make("p", {}, `${at + 1} of ${items.length} · ${mine().size} done${agreement()}`),
      ...shown,
      make("p", { class: "buttons" }, Object.entries(verdicts).map(([key, [verdict, text]]) =>
        make("button", { type: "button", class: earlier?.verdict === verdict ? "chosen" : "", onclick: () => label(verdict) },
          `${text} (${key.toUpperCase()})`))),
    );
  }

  async function pressed(event) {
    if (event.target instanceof HTMLInputElement && event.target.type !== "checkbox") return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const key = event.key.toLowerCase();
    const moves = { n: 1, p: -1 };
    const act = verdicts[key] ? () => label(verdicts[key][0])
      : moves[key] ? () => { at = Math.max(0, Math.min(at + moves[key], items.length - 1)); return render(); }
      : keys[key];
    if (!act) return;
    event.preventDefault();
    await act();
  }

  show(make("h2", {}, title), make("div", { class: "controls" }, make("label", {}, "Your name ", who)), make("p", { class: "small" }, help), box);
  at = next(-1);
  document.addEventListener("keydown", pressed);
  await render();
  return () => document.removeEventListener("keydown", pressed);
}

export function question(item) {
  return [make("h3", {}, item.question),
    make("ol", { class: "options", type: "A" }, Object.values(item.options).map((option) => make("li", {}, option)))];
}
