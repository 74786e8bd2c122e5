// The address after "#" says what is shown: #/KIND/NAME, and what is chosen there behind "?".

import { get } from "./api.js";
import { make, show, tell } from "./dom.js";
import { showAudit } from "./audit.js";
import { showPairs } from "./pairs.js";
import { showPreference } from "./preference.js";
import { showRun } from "./runs.js";
import { showSynthetic } from "./synthetic.js";
import { showVerify } from "./verify.js";

const TITLES = { run: "Runs", answers: "Answers", benchmark: "Pairs and questions", synthetic: "Synthetic videos", routed: "Labels to audit",
  traces: "Traces to compare" };
export const SCREENS = {
  run: showRun,
  answers: showPairs,
  benchmark: showPairs,
  pairs: showPairs,
  synthetic: showSynthetic,
  verify: showVerify,
  routed: showAudit,
  traces: showPreference,
};

export function here() {
  const [path, query = ""] = location.hash.slice(1).split("?");
  const [, kind = "", ...name] = path.split("/");
  return { kind, name: name.map(plain).join("/"), query: new URLSearchParams(query) };
}

function plain(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function link(kind, name, query = {}) {
  const given = Object.entries(query).flatMap(([key, value]) => [value].flat().map((one) => [key, one]))
    .filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const path = name.split("/").map(encodeURIComponent).join("/");
  return `#/${kind}/${path}${given.length ? `?${new URLSearchParams(given)}` : ""}`;
}

// What is chosen now, with some of it changed: names with a value or a list of values.
export function changed(query) {
  const { query: now } = here();
  const kept = [...new Set(now.keys())].map((key) => [key, now.getAll(key)]);
  return { ...Object.fromEntries(kept), ...query };
}

export function go(query) {
  const { kind, name } = here();
  location.hash = link(kind, name, changed(query));
}

function beside(runs) {
  return [...grouped(runs)].filter(([, some]) => some.length > 1).map(([name, [first, ...others]]) =>
    make("li", {}, make("a", { href: link("run", first.name, { with: others.map((one) => one.name) }) }, `all ${others.length + 1} ${name ? `of ${name}` : "that were given by themselves"} beside each other`)));
}

function folder(place) {
  return place.name.split("/").slice(0, -1).join("/");
}

function grouped(places) {
  const found = new Map();
  places.forEach((place) => found.set(folder(place), [...(found.get(folder(place)) || []), place]));
  return found;
}

function entry(place) {
  const way = (kind) => [" · ", make("a", { href: link(kind, place.name) }, kind)];
  const ways = { benchmark: way("verify"), synthetic: [way("pairs"), way("verify")] }[place.kind] ?? [];
  return make("li", {}, make("a", { href: link(place.kind, place.name) }, place.name), ways);
}

function home(places) {
  const kinds = Object.keys(TITLES).filter((kind) => places.some((place) => place.kind === kind));
  const of = (kind) => places.filter((place) => place.kind === kind);
  show(
    make("div", { class: "home" }, kinds.map((kind) =>
      make("section", {}, make("h2", {}, TITLES[kind]),
        make("ul", { class: "places" }, of(kind).map(entry), kind === "run" ? beside(of(kind)) : [])))),
    kinds.length ? null : make("p", {}, "There is nothing to show in the folders given any more."),
  );
}

let shown = { kind: null, name: null, screen: null };

async function render() {
  const { kind, name, query } = here();
  tell("");
  try {
    if (shown.screen?.update && shown.kind === kind && shown.name === name) {
      await shown.screen.update(query);
      return;
    }
    shown.screen?.leave?.();
    shown = { kind, name, screen: null };
    const places = await get("places");
    document.getElementById("places").replaceChildren(...(SCREENS[kind] ? [make("span", {}, name)] : []));
    document.title = name ? `${name} · retroflip` : "retroflip";
    if (!SCREENS[kind]) { home(places); return; }
    const screen = await SCREENS[kind](name, query, places);
    // Whoever went on before this screen was there is shown the other one.
    if (shown.kind === kind && shown.name === name) shown.screen = screen;
    else screen?.leave?.();
  } catch (error) {
    show(make("p", { class: "fault", role: "alert" }, error.message));
  }
}

addEventListener("hashchange", async () => {
  const before = shown.kind + shown.name;
  await render();
  if (before !== shown.kind + shown.name) document.getElementById("main").focus({ preventScroll: true });
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { shown = { ...shown, kind: null }; render(); });
render();
