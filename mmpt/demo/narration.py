"""What the narrator says, and what speech recognition makes of it.

:func:`sentence` is the clean sentence of one step, as an annotator writes it. :func:`raw_captions` is
the caption track of a whole video, as YouTube has it: fillers, small talk, lines that come up to two
seconds early or late, lines that are missing, and every caption repeating the tail of the previous one.
"""

import numpy as np

from mmpt.demo.scene import Scene, Step
from mmpt.store.captions import Caption

__all__ = ["raw_captions", "sentence"]

_SAYINGS: dict[str, tuple[str, ...]] = {
    "place": ("place {x} on the table", "put down {x}", "set {x} down on the table", "add {x}"),
    "remove": ("remove {x}", "take away {x}", "take {x} off the table", "pick up {x} and take it away"),
    "stack": ("stack {x} on {y}", "put {x} on top of {y}", "pile {x} onto {y}"),
    "move left": ("move {x} to the left", "slide {x} left", "push {x} over to the left"),
    "move right": ("move {x} to the right", "slide {x} right", "push {x} over to the right"),
    "move up": ("move {x} up", "slide {x} upwards", "push {x} up towards the top"),
    "move down": ("move {x} down", "slide {x} downwards", "push {x} down towards the bottom"),
    "spin clockwise": ("spin {x} clockwise", "turn {x} around clockwise", "rotate {x} clockwise"),
    "spin counterclockwise": (
        "spin {x} counterclockwise", "turn {x} around counterclockwise", "rotate {x} counterclockwise",
    ),
    "grow": ("make {x} bigger", "let {x} grow", "enlarge {x}"),
    "shrink": ("make {x} smaller", "let {x} shrink", "shrink {x}"),
    "flash": ("make {x} flash", "let {x} blink", "flash {x} on and off"),
    "shake": ("shake {x}", "wiggle {x} from side to side", "give {x} a good shake"),
    "bounce": ("bounce {x}", "let {x} jump up and down", "make {x} hop"),
}  # fmt: skip

_SHAPE_NAMES: dict[str, tuple[str, ...]] = {
    "circle": ("circle", "circle", "disc"),
    "ring": ("ring", "ring", "hoop"),
    "moon": ("moon", "moon", "crescent"),
    "bar": ("bar", "bar", "stick"),
    "cross": ("cross", "cross", "plus sign"),
}

_OPENINGS = (
    "now",
    "okay now",
    "next",
    "so",
    "and then",
    "then we",
    "now you want to",
    "alright let's",
    "first",
)
_FILLERS = ("um", "uh", "you know", "like", "kind of", "basically")
_TALK = (
    "hi guys welcome back to my channel", "thanks for watching", "don't forget to subscribe",
    "this is really easy", "take your time with this", "just like that", "that looks great",
    "I hope you can see that", "and we are almost done", "let me show you how this works",
)  # fmt: skip

_SECONDS_PER_WORD = 0.3
_SHIFT = 2.0  # seconds of misalignment at most
_MISSING = 0.12  # share of the steps nobody talks about
_WORDS_PER_LINE = 9


def _noun(scene: Scene, thing: int, size: str, place: str, rng: np.random.Generator) -> str:
    """Name an object by colour and shape, sometimes also by size and place."""
    kind = scene.things[thing]
    names = _SHAPE_NAMES.get(kind.shape, (kind.shape,))
    words = ["the", kind.colour, names[rng.integers(len(names))]]
    if size != "medium" and rng.random() < 0.6:
        words.insert(1, size)
    if place and rng.random() < 0.25:
        row, column = place.split()
        words.append("in the middle" if place == "middle centre" else f"at the {row} {column}")
    return " ".join(words)


def sentence(scene: Scene, step: Step, rng: np.random.Generator) -> str:
    """Return a clean sentence for a step: ``"slide the small red star left"``.

    Always names action, colour and shape; size and place sometimes; wording is drawn from ``rng``.
    """
    saying = _SAYINGS[step.action][rng.integers(len(_SAYINGS[step.action]))]
    place = "" if step.action == "stack" else step.place
    other = "" if step.other is None else _noun(scene, step.other, "medium", "", rng)
    return saying.format(x=_noun(scene, step.thing, step.size, place, rng), y=other)


def _speak(text: str, rng: np.random.Generator) -> str:
    """Add an opening and a filler now and then."""
    words = text.split()
    if rng.random() < 0.25:
        words.insert(int(rng.integers(1, len(words))), _FILLERS[rng.integers(len(_FILLERS))])
    if rng.random() < 0.5:
        words.insert(0, _OPENINGS[rng.integers(len(_OPENINGS))])
    return " ".join(words)


def _utterances(scene: Scene, rng: np.random.Generator) -> list[tuple[float, str]]:
    """Return (moment, words) in order: one line per step but the missed ones, and small talk."""
    said = []
    if rng.random() < 0.4:
        said.append((0.0, _TALK[rng.integers(len(_TALK))]))
    for step in scene.steps:
        if rng.random() < _MISSING:
            continue
        said.append((step.start + rng.uniform(-_SHIFT, _SHIFT), _speak(sentence(scene, step, rng), rng)))
        if step.end - step.start > 4 and rng.random() < 0.25:
            said.append((step.start + 3, _TALK[rng.integers(len(_TALK))]))
    return sorted(said)


def _timed_words(scene: Scene, rng: np.random.Generator) -> list[tuple[float, float, str]]:
    """Return (start, end, word) of everything said; nobody talks twice at once."""
    words, free = [], 0.0
    for moment, text in _utterances(scene, rng):
        now = max(moment, free)
        for word in text.split():
            words.append((now, now + _SECONDS_PER_WORD, word))
            now += _SECONDS_PER_WORD
        free = now + 0.15
    return [word for word in words if word[1] <= scene.duration]


def _lines(words: list[tuple[float, float, str]], rng: np.random.Generator) -> list[Caption]:
    """Cut the stream of words into lines: at pauses, and after about nine words."""
    lines: list[Caption] = []
    current: list[tuple[float, float, str]] = []
    limit = _WORDS_PER_LINE
    for word in words:
        pause = current and word[0] - current[-1][1] > 0.8
        if current and (pause or len(current) >= limit):
            lines.append(Caption(current[0][0], current[-1][1], " ".join(w for _, _, w in current)))
            current, limit = [], int(rng.integers(6, _WORDS_PER_LINE + 4))
        current.append(word)
    if current:
        lines.append(Caption(current[0][0], current[-1][1], " ".join(w for _, _, w in current)))
    return lines


def raw_captions(scene: Scene, rng: np.random.Generator) -> list[Caption]:
    """Return the caption track of a video as speech recognition gives it.

    Two of three captions begin with the last words of the previous line, and some lines come once
    more by themselves: what caption clean-up has to undo.
    """
    captions: list[Caption] = []
    previous: list[str] = []
    for line in _lines(_timed_words(scene, rng), rng):
        tail: list[str] = []
        if previous and rng.random() < 0.66:
            tail = previous[-int(rng.integers(1, len(previous) + 1)) :]
        joint = "\n" if rng.random() < 0.3 else " "
        text = joint.join([" ".join(tail), line.text]) if tail else line.text
        captions.append(Caption(round(line.start, 2), round(line.end, 2), text))
        if rng.random() < 0.15:
            captions.append(Caption(round(line.end, 2), round(line.end + 0.4, 2), line.text))
        previous = line.text.split()
    return captions
