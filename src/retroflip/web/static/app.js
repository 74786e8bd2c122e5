// The address after "#" says what is shown: #/KIND/NAME, and what is chosen there behind "?".

import { get } from "./api.js";
import { make, show, tell } from "./dom.js";
import { showAudit } from "./audit.js";
import { showPairs } from "./pairs.js";
import { showPreference } from "./preference.js";
import { showRun } from "./runs.js";
import { showSynthetic } from "./synthetic.js";
import { showVerify } from "./verify.js";

const TITLES = { run: "Runs", answers: "Answers", benchmark: "Pairs", synthetic: "Synthetic videos", routed: "Labels to audit",
  traces: "Traces to compare" };
const SCREENS = {
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
  return { kind, name: name.map(decodeURIComponent).join("/"), query: new URLSearchParams(query) };
}

export function link(kind, name, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const path = name.split("/").map(encodeURIComponent).join("/");
  return `#/${kind}/${path}${given.length ? `?${new URLSearchParams(given)}` : ""}`;
}

export function go(query) {
  const { kind, name, query: now } = here();
  location.hash = link(kind, name, { ...Object.fromEntries(now), ...query });
}

function home(places) {
  const kinds = Object.keys(TITLES).filter((kind) => places.some((place) => place.kind === kind));
  show(
    kinds.map((kind) =>
      make(
        "section",
        {},
        make("h2", {}, TITLES[kind]),
        make(
          "ul",
          { class: "places" },
          places.filter((place) => place.kind === kind).map((place) =>
            make(
              "li",
              {},
              make("a", { href: link(kind, place.name) }, place.name),
              kind === "benchmark" || kind === "synthetic"
                ? [" · ", make("a", { href: link("pairs", place.name) }, "pairs"), " · ",
                   make("a", { href: link("verify", place.name) }, "verify")]
                : [],
            )),
        ),
      )),
  );
}

let leave = () => {};

async function render() {
  const { kind, name, query } = here();
  tell("");
  leave();
  leave = () => {};
  try {
    const places = await get("places");
    document.getElementById("places").replaceChildren(
      ...places.filter((place) => place.name === name).map((place) => make("span", {}, `${place.kind}: ${place.name}`)),
    );
    document.title = name ? `${name} · retroflip` : "retroflip";
    if (SCREENS[kind]) leave = (await SCREENS[kind](name, query, places)) ?? leave;
    else home(places);
  } catch (error) {
    show(make("p", { class: "fault", role: "alert" }, error.message));
  }
}

addEventListener("hashchange", async () => {
  await render();
  document.getElementById("main").focus({ preventScroll: true });
});
render();
