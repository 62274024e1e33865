// What the page shows is what its address says: ?q=TEXT or ?like=ID, and &v=ID&t=SECONDS for the open moment.
import { ask, count, isSame, length } from "./api.js";
import { card, skeletons } from "./cards.js";
import * as player from "./player.js";

const PAGE = 24;
const MOST = 96;
const SLOW = 150; // milliseconds after which a search shows that it is under way
const at = (id) => document.getElementById(id);
const [query, grid, more, message, status] = ["query", "grid", "more", "message", "status"].map(at);

let moments = []; // what the grid shows
let shown = null; // the address of that, without the open moment
let underway = null; // AbortController of the request
let opened = false; // whether the open moment was opened here, so that going back closes it

// ---- addresses ----------------------------------------------------------------------------------------------

const wanted = () => new URLSearchParams(location.search);

/** Go to a state; `null` takes a part away. */
function go(changes, replace = false) {
  const parts = wanted();
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) parts.delete(name);
    else parts.set(name, value);
  }
  const text = parts.toString();
  history[replace ? "replaceState" : "pushState"](null, "", text ? `/?${text}` : "/");
  return follow();
}

/** Show what the address says. */
async function follow() {
  const parts = wanted();
  const [text, like] = [parts.get("q") || "", parts.get("like") || ""];
  const key = text ? `q ${text}` : `like ${like}`;
  const video = parts.get("v");
  if (video === null) {
    opened = false;
    if (player.current()) leave();
  }
  if (key !== shown) {
    query.value = text;
    document.body.classList.toggle("home", !text && !like);
    document.title = text || (like ? `Like ${like}` : "mmpt");
    if (!(await load(key, PAGE))) return;
  }
  if (video === null) return;
  const start = Number(parts.get("t"));
  const moment = moments.find((each) => isSame(each, { video, start })) || (await fetchVideo(video, start));
  if (moment) player.show(moment, moments, open);
}

async function fetchVideo(id, start) {
  try {
    const entry = await ask(`/api/video/${encodeURIComponent(id)}`);
    return { ...entry, start: Math.max(0, Math.min(start || 0, entry.seconds)) };
  } catch (error) {
    go({ v: null, t: null }, true);
    say(error.message);
    return null;
  }
}

const search = (text) => go({ q: text || null, like: null, v: null, t: null });
const like = (id) => go({ q: null, like: id, v: null, t: null });

function open(moment) {
  const replace = Boolean(player.current());
  opened ||= !replace;
  go({ v: moment.video, t: moment.start }, replace);
}

const close = () => (opened ? history.back() : go({ v: null, t: null }, true));

function leave() {
  const moment = player.current();
  player.close();
  const place = moments.findIndex((each) => isSame(each, moment));
  if (place >= 0) grid.children[place]?.querySelector("button").focus();
}

// ---- results ------------------------------------------------------------------------------------------------

/** Fill the grid; tell whether that came to an end. */
async function load(key, number) {
  underway?.abort();
  const own = (underway = new AbortController());
  shown = key;
  const wait = setTimeout(() => busy(true), SLOW);
  try {
    show(key, await ask(addressOf(key, number), own.signal), number);
  } catch (error) {
    if (error.name === "AbortError") return false;
    fail(error.message);
  } finally {
    clearTimeout(wait);
    if (underway === own) busy(false);
  }
  describe();
  return true;
}

function addressOf(key, number) {
  const what = key.slice(key.indexOf(" ") + 1);
  if (key.startsWith("q ")) return `/api/search?q=${encodeURIComponent(what)}&count=${number}`;
  if (what) return `/api/similar/${encodeURIComponent(what)}?count=${number}`;
  return `/api/videos?count=${number}`;
}

function show(key, found, number) {
  moments = found.hits || found.videos;
  grid.replaceChildren(...moments.map((moment) => card(moment, open, like)));
  more.hidden = moments.length < number || number >= MOST;
  more.onclick = () => load(key, Math.min(MOST, 2 * number));
  message.hidden = true;
  status.replaceChildren(...heading(key, found));
  if (!moments.length) {
    if (found.total === 0) empty("This index has no videos yet", "Add some with mmpt index; they appear here by themselves.");
    else empty("Nothing found", "The index has nothing to compare with.");
  }
}

function heading(key, found) {
  if (found.total !== undefined) return found.total ? [element("b", "In this index")] : [];
  const time = element("span", `${Math.round(found.milliseconds)} ms`);
  if (!found.video) return [element("b", count(moments.length, "moment")), time];
  const name = element("b", found.video.video);
  name.dir = "auto";
  return [element("span", "More like"), name, time];
}

function element(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function empty(title, text) {
  message.replaceChildren(element("h2", title), element("p", text));
  message.hidden = false;
}

function fail(sentence) {
  moments = [];
  grid.replaceChildren();
  status.replaceChildren();
  more.hidden = true;
  empty("That did not work", sentence);
  const again = element("button", "Try again");
  again.className = "button";
  again.onclick = () => load(shown, PAGE);
  message.append(again);
}

function busy(is) {
  at("busy").hidden = !is;
  grid.setAttribute("aria-busy", is);
  if (is) status.replaceChildren(element("span", "Searching"));
  if (is && (!moments.length || !message.hidden)) {
    message.hidden = true;
    grid.replaceChildren(...skeletons(8));
  }
}

// ---- the index ----------------------------------------------------------------------------------------------

let generation = null;

/** Say what the index is; if a writer has published something, show that. */
async function describe() {
  const info = await ask("/api/info").catch(() => null);
  if (!info) return;
  at("name").textContent = info.name;
  at("headline").textContent = info.videos ? `Search ${count(info.videos, "video")}` : "Search your videos";
  const model = `model ${info.model}`;
  at("about").textContent = `${length(info.seconds)} · ${model}${info.knows ? `, which knows ${info.knows}` : ""}`;
  at("facts").textContent = `${count(info.videos, "video")}, ${length(info.seconds)} · ${model} · mmpt ${info.mmpt}`;
  at("facts").title = info.identity;
  say(info.problem);
  const news = generation !== null && generation !== info.generation;
  generation = info.generation;
  if (news) load(shown, Math.max(PAGE, moments.length));
}

function say(sentence) {
  at("problem").textContent = sentence || "";
  at("problem").hidden = !sentence;
}

// ---- keys and buttons ---------------------------------------------------------------------------------------

const STEPS = { ArrowLeft: () => -1, ArrowRight: () => 1, ArrowUp: () => -columns(), ArrowDown: () => columns() };
const columns = () => getComputedStyle(grid).gridTemplateColumns.split(" ").length;
const cards = () => [...grid.querySelectorAll(".open")];
const isChosen = () => cards().indexOf(document.activeElement);

/** Put the focus on another card; past the first row it goes to the search. */
function step(by) {
  const [all, place] = [cards(), isChosen()];
  if (place >= 0 && place + by < 0 && by < -1) return query.focus();
  const next = all[place < 0 ? 0 : Math.min(all.length - 1, Math.max(0, place + by))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

function neighbour(by) {
  const place = moments.findIndex((each) => isSame(each, player.current()));
  const next = place < 0 ? undefined : moments[place + by];
  if (next) open(next);
}

const PLAYER_KEYS = {
  n: () => neighbour(1),
  p: () => neighbour(-1),
  r: () => player.replay(),
  m: () => like(player.current().video),
  " ": () => player.pauseOrPlay(),
};

function inPlayer(event) {
  const act = PLAYER_KEYS[event.key.toLowerCase()];
  // A button that has the focus is pressed by the space bar, and the video has keys of its own.
  if (!act || (event.key === " " && event.target.closest("button, video"))) return;
  event.preventDefault();
  act();
}

function inGrid(event) {
  const typing = event.target === query;
  if (event.key === "/" && !typing) {
    event.preventDefault();
    query.focus();
    query.select();
  } else if (event.key in STEPS && (!typing || event.key === "ArrowDown")) {
    event.preventDefault();
    step(STEPS[event.key]());
  } else if (event.key.toLowerCase() === "m" && isChosen() >= 0) {
    like(moments[isChosen()].video);
  } else if (event.key === "Escape" && !typing) {
    query.focus();
  } else if (event.key === "Escape" && !query.value && wanted().size) {
    search("");
  }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (player.current()) inPlayer(event);
  else inGrid(event);
});

at("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = query.value.trim();
  if (matchMedia("(pointer: coarse)").matches) query.blur(); // takes the keyboard away
  if (text && `q ${text}` === shown) load(shown, PAGE);
  else search(text);
});
document.querySelector(".brand").addEventListener("click", (event) => {
  event.preventDefault();
  search("").then(() => query.focus());
});
at("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
});

const dialog = at("player");
dialog.addEventListener("cancel", (event) => {
  event.preventDefault();
  close();
});
dialog.addEventListener("close", () => player.current() && close());
dialog.addEventListener("click", (event) => event.target === dialog && close());
at("close").addEventListener("click", close);
at("replay").addEventListener("click", player.replay);
at("like").addEventListener("click", () => like(player.current().video));
at("previous").addEventListener("click", () => neighbour(-1));
at("next").addEventListener("click", () => neighbour(1));
window.addEventListener("popstate", follow);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && describe());
setInterval(() => document.visibilityState === "visible" && describe(), 15_000);

if (!wanted().size && !matchMedia("(pointer: coarse)").matches) query.focus();
follow();
