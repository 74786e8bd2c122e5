// Asks again and again while somebody looks. A page in the background asks nothing, so that any number of tabs may be
// open; a server that is silent is asked ever less often, and goes on to be asked once it is back.

import { tell } from "./dom.js";

const EVERY = 2000;
const SELDOM = 30000;

// Returns what ends it. ask: a function that waits for an answer; what it throws is told.
export function live(ask) {
  let timer = null;
  let wait = EVERY;
  let failed = false;
  let ended = false;
  let asking = false;

  // One question at a time: a tab that is hidden and seen again while a slow server is asked does not ask it twice.
  async function turn() {
    timer = null;
    if (asking) return;
    asking = true;
    try {
      await ask();
      if (failed) tell("");
      failed = false;
      wait = EVERY;
    } catch (error) {
      failed = true;
      wait = Math.min(2 * wait, SELDOM);
      if (!ended) tell(error.message);
    }
    asking = false;
    later();
  }

  function later() {
    if (!ended && !document.hidden) timer = setTimeout(turn, wait);
  }

  function seen() {
    clearTimeout(timer);
    if (!document.hidden) turn();
  }

  document.addEventListener("visibilitychange", seen);
  later();
  return () => {
    ended = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", seen);
  };
}
