// The dialog that plays a moment, or shows its frames where the browser cannot play the video.
import { ask, clock, isSame, make, number, range } from "./api.js";
import { plays } from "./cards.js";

const FRAMES = 8;
const at = (id) => document.getElementById(id);
const [dialog, video, frames, note] = ["player", "video", "frames", "player-note"].map(at);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let shown = null;

export const current = () => shown;

/**
 * Show a moment.
 * @param moment what to show
 * @param moments all that were found, for those of the same video
 * @param choose called with a moment of the line that is clicked
 */
export function show(moment, moments, choose) {
  const before = shown;
  shown = moment;
  at("player-name").textContent = moment.video;
  at("player-facts").textContent = facts(moment);
  drawLine(moments, choose);
  const place = moments.findIndex((each) => isSame(each, moment));
  at("replay").hidden = !plays(moment);
  at("previous").disabled = place <= 0;
  at("next").disabled = place < 0 || place === moments.length - 1;
  if (!dialog.open) dialog.showModal();
  if (!plays(moment)) {
    showFrames(moment.type ? "This browser cannot play this kind of video. Here are frames of it." : moment.problem);
  } else if (before?.video === moment.video && !video.hidden && video.readyState > 0) {
    replay();
  } else {
    frames.hidden = note.hidden = true;
    video.hidden = false;
    video.poster = moment.thumbnail;
    video.src = `${moment.source}#t=${moment.start}`;
    play();
  }
  if (plays(moment) && moment.problem) tell(moment.problem);
}

/** Play the moment from its start. */
export function replay() {
  if (!shown || video.hidden) return;
  video.currentTime = shown.start;
  play();
}

export function pauseOrPlay() {
  if (video.paused) video.play().catch(() => {});
  else video.pause();
}

export function close() {
  shown = null;
  dialog.close();
  video.pause();
  video.removeAttribute("src");
  video.removeAttribute("poster");
  video.load(); // ends the download
  frames.replaceChildren();
}

function play() {
  // A page that is opened by a link may not play by itself, and those who want little motion do not want it to.
  if (!calm.matches) video.play().catch(() => {});
}

function tell(sentence) {
  note.textContent = sentence;
  note.hidden = false;
}

function facts(moment) {
  // The name of a video is mostly that of its file, but for the suffix.
  const file = moment.file.replace(/\.[^.]*$/, "") === moment.video ? [] : [moment.file];
  if (!("score" in moment)) return [...file, clock(moment.seconds)].join(" · ");
  const when = `${range(moment)} of ${clock(moment.seconds)}`;
  return [...file, when, `score ${number(moment.score)}`, `percentile ${moment.percentile.toFixed(2)}`].join(" · ");
}

function showFrames(sentence) {
  video.hidden = at("replay").hidden = true;
  video.removeAttribute("src");
  frames.hidden = false;
  const { start, end } = shown;
  const wanted = Math.max(1, Math.min(FRAMES, Math.ceil(end - start)));
  const address = shown.thumbnail.replace(/\d+$/, "");
  const seconds = Array.from({ length: wanted }, (_, k) => Math.floor(start + ((end - start) * (k + 0.5)) / wanted));
  frames.replaceChildren(
    ...seconds.map((second) => {
      const image = make("img", { src: address + second, alt: `At ${clock(second)}` });
      const figure = make("figure", {}, image, make("figcaption", { textContent: clock(second) }));
      image.addEventListener("error", () => figure.remove());
      return figure;
    }),
  );
  tell(sentence);
}

function drawLine(moments, choose) {
  const own = moments.filter((each) => each.video === shown.video && "score" in each);
  at("line").hidden = own.length === 0;
  at("line").replaceChildren(
    ...own.map((moment) => {
      const mark = make("button", { type: "button", title: range(moment), ariaLabel: `Play ${range(moment)}` });
      mark.style.left = `${(100 * moment.start) / moment.seconds}%`;
      mark.style.width = `${(100 * (moment.end - moment.start)) / moment.seconds}%`;
      if (isSame(moment, shown)) mark.setAttribute("aria-current", "true");
      mark.addEventListener("click", () => choose(moment));
      return mark;
    }),
    make("i", { id: "now" }),
  );
}

video.addEventListener("timeupdate", () => {
  const now = at("now");
  if (now && shown) now.style.left = `${(100 * video.currentTime) / (video.duration || shown.seconds)}%`;
});

video.addEventListener("error", async () => {
  if (!shown || !video.hasAttribute("src")) return;
  // The element does not say why; the server does.
  const reason = await ask(shown.source.replace("/video/", "/api/video/")).then(
    (entry) => entry.problem,
    (error) => error.message,
  );
  if (shown) showFrames(reason || "This browser cannot play this video. Here are frames of it.");
});
