"use strict";

// Two clips, one clock: what is done to a pair is done to both videos, so that a frame of one stands beside
// the same moment of the other. Nothing plays until it is asked to.
function player(pair) {
  const videos = [...pair.querySelectorAll("video")];
  const controls = pair.querySelector(".controls");
  if (!controls || videos.length !== 2) return;
  const [play, back, forward] = controls.querySelectorAll("button");
  const bar = controls.querySelector("input");
  const clock = controls.querySelector("output");
  const speed = controls.querySelector("select");
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  let playing = false;

  const end = (video) => (Number.isFinite(video.duration) ? video.duration : 0);
  const leader = () => (end(videos[0]) >= end(videos[1]) ? videos[0] : videos[1]);
  const show = () => {
    const time = leader().currentTime;
    bar.value = String(Math.round(time * 1000));
    clock.textContent = `${time.toFixed(2)} s`;
    bar.setAttribute("aria-valuetext", `${time.toFixed(2)} seconds`);
  };
  const seek = (time) => {
    const wanted = Math.max(0, Math.min(time, end(leader())));
    for (const video of videos) video.currentTime = Math.min(wanted, Math.max(0, end(video) - 0.001));
    clock.textContent = `${wanted.toFixed(2)} s`;
    bar.value = String(Math.round(wanted * 1000));
  };
  const pause = () => {
    playing = false;
    for (const video of videos) video.pause();
    play.textContent = "Play";
    show();
  };
  const tick = () => {
    if (!playing) return;
    const first = leader();
    for (const video of videos) {
      const wanted = Math.min(first.currentTime, end(video));
      if (video !== first && !video.ended && Math.abs(video.currentTime - wanted) > 0.08) video.currentTime = wanted;
    }
    show();
    if (first.ended && still.matches) return pause();
    if (first.ended) start(0);
    else requestAnimationFrame(tick);
  };
  const start = (time) => {
    playing = true;
    play.textContent = "Pause";
    seek(time);
    for (const video of videos) video.playbackRate = Number(speed.value);
    Promise.all(videos.map((video) => video.play())).then(() => requestAnimationFrame(tick), pause);
  };
  const step = (count) => {
    pause();
    seek(leader().currentTime + count * Number(pair.dataset.frame));
  };

  for (const video of videos) {
    const ready = () => {
      video.classList.toggle("tiny", video.videoWidth < 200);
      bar.max = String(Math.round(end(leader()) * 1000));
    };
    if (video.readyState > 0) ready();
    video.addEventListener("loadedmetadata", ready);
    // The browser, or a filter that hides the pair, may stop one clip: then both stop.
    video.addEventListener("pause", () => { if (playing && video.paused && !video.ended) pause(); });
  }
  play.addEventListener("click", () => {
    const first = leader();
    if (playing) pause();
    else start(first.currentTime >= end(first) - 0.01 ? 0 : first.currentTime);
  });
  back.addEventListener("click", () => step(-1));
  forward.addEventListener("click", () => step(1));
  bar.addEventListener("input", () => { const wanted = Number(bar.value) / 1000; pause(); seek(wanted); });
  speed.addEventListener("change", () => { for (const video of videos) video.playbackRate = Number(speed.value); });
}

function filters(form, pairs) {
  const apply = () => {
    const wanted = new FormData(form);
    let shown = 0;
    for (const pair of pairs) {
      const hidden = (wanted.get("task") && wanted.get("task") !== pair.dataset.task)
        || (wanted.get("outcome") && wanted.get("outcome") !== pair.dataset.outcome)
        || (wanted.get("changed") && pair.dataset.changed !== "yes")
        || (wanted.get("same") && pair.dataset.same !== "yes");
      pair.hidden = Boolean(hidden);
      if (hidden) for (const video of pair.querySelectorAll("video")) video.pause();
      else shown += 1;
    }
    form.querySelector("output").textContent = `${shown} of ${pairs.length} shown`;
  };
  form.addEventListener("change", (event) => {
    if (event.target.name !== "responses") return apply();
    for (const folded of document.querySelectorAll(".answers details")) folded.open = event.target.checked;
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  apply();
}

const pairs = [...document.querySelectorAll(".pair")];
for (const pair of pairs) player(pair);
const form = document.querySelector("form.filters");
if (form) filters(form, pairs);
