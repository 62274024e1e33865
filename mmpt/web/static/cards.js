// The grid: a card per moment or video.
import { clock, make, number, range } from "./api.js";

/** Whether this browser can play a file, as far as it says so itself. */
export const plays = (moment) => Boolean(moment.type && document.createElement("video").canPlayType(moment.type));

/**
 * How much of the bar is filled, 0 to 1. Good moments lie close together at the top of the percentiles, so the
 * bar tells how rare such a score is: half of it is one in a hundred, all of it one in ten thousand.
 */
export const rarity = (percentile) => Math.min(1, -Math.log10(1 - Math.min(percentile, 99.99) / 100) / 4);

export function card(moment, open, like) {
  const scored = "score" in moment;
  const item = make("li", { className: scored ? "card" : "card plain" });
  const button = make(
    "button",
    { className: "open", type: "button" },
    picture(moment),
    make("span", { className: "name", dir: "auto", textContent: moment.video, title: moment.file }),
  );
  button.addEventListener("click", () => open(moment));
  const similar = make("button", { className: "like", type: "button", textContent: "More like this" });
  similar.addEventListener("click", () => like(moment.video));
  item.append(button, make("div", { className: "below" }, ...(scored ? [score(moment)] : []), similar));
  return item;
}

function picture(moment) {
  const frame = make("span", { className: "picture" });
  const image = make("img", { src: moment.thumbnail, alt: "", loading: "lazy", decoding: "async" });
  image.addEventListener("error", () => frame.classList.add("blank"));
  image.addEventListener("load", () => {
    const shape = image.naturalWidth / image.naturalHeight;
    if (shape > 1.3 && shape < 2.4) return;
    // Shown whole, before itself out of focus.
    frame.prepend(make("img", { src: image.src, alt: "", className: "behind" }));
    frame.classList.add("whole");
  });
  frame.append(image);
  const badge = moment.problem ? (moment.type ? "changed" : "not there") : plays(moment) ? "" : "frames only";
  if (badge) {
    const why = moment.problem || "This browser cannot play this kind of video; its frames are shown.";
    frame.append(make("span", { className: "badge", textContent: badge, title: why }));
  }
  const where = "score" in moment ? range(moment) : clock(moment.seconds);
  frame.append(make("span", { className: "where", textContent: where }));
  return frame;
}

function score(moment) {
  const fill = make("i");
  fill.style.width = `${100 * rarity(moment.percentile)}%`;
  const meaning =
    `Higher than ${moment.percentile} % of what queries usually score in this index. ` +
    "Each quarter of the bar is ten times rarer.";
  return make(
    "span",
    { className: "facts", title: meaning },
    make("span", { className: "bar", ariaHidden: "true" }, fill),
    make("span", { className: "percentile", textContent: `${moment.percentile.toFixed(2)} %` }),
    make("span", { className: "score", textContent: number(moment.score) }),
  );
}

/** Return cards without content, to be shown while there is none. */
export const skeletons = (number) =>
  Array.from({ length: number }, () =>
    make(
      "li",
      { className: "card skeleton", ariaHidden: "true" },
      make("span", { className: "picture" }),
      make("span", { className: "name" }),
      make("span", { className: "facts" }),
    ),
  );
