"""What the names of inputs and of free axes say, as graphs and forwards choose them."""

from __future__ import annotations

import re
from collections.abc import Iterable

# parameter of a trial -> how graphs call such an axis: a word of the name, or, of a single letter, all of it
AXES = {
    "batch_size": ("batch", "batches", "batchsize", "bs", "bsz", "n", "b"),
    "seq_length": ("seq", "sequence", "seqlen", "time", "times", "timestep", "timesteps", "step", "steps", "frames",
                   "token", "tokens", "length", "len", "positions", "t", "s", "l"),
    "height": ("height", "rows", "h"),
    "width": ("width", "cols", "columns", "w"),
}  # fmt: skip
CHANNELS = ("channel", "channels", "chans", "c")
STATES = {
    "state",
    "states",
    "h",
    "c",
    "h0",
    "c0",
    "h_0",
    "c_0",
    "hidden",
    "cell",
    "hidden_state",
    "cell_state",
}
RATES = {"sr", "sample_rate", "sampling_rate"}
SOUNDS = {"audio", "waveform", "samples", "speech"}
_OF_STATES = {"state": "state", "states": "state", "h": "h", "hn": "h", "hx": "h", "hidden": "h", "c": "c", "cn": "c",
              "cx": "c", "cell": "c"}  # fmt: skip
_LENGTH = re.compile(r".*(len|lens|length|lengths)|(num|n)(valid|frames|tokens|steps|samples|points|words)")  # a word
_COUNTS = {"num", "count", "counts", "n", "size", "sizes"}
_OUTSPOKEN = ("mask", "padding", "position", "segment", "token_type", "type_ids", "input_ids")
_PADDING = {"padding", "padded", "pad"}
_OF_PAIRS = {"attn_mask", "src_mask", "tgt_mask", "memory_mask", "look_ahead_mask", "self_attn_mask"}
_LIMITS = {"min", "max", "minimum", "maximum"}
_COUNTED = {"sample", "samples", "point", "points", "word", "words", "valid", "nodes", "boxes"}


def words_of(name: str) -> list[str]:
    """`imageWidth`, `image_width0` -> ["image", "width"]."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def parameter_of(called: str) -> str | None:
    """The parameter of a trial that sizes an axis of this name; None where it says nothing, or two things."""
    found = {parameter for parameter, known in AXES.items() if _is_called(called, known)}
    return found.pop() if len(found) == 1 else None


def are_channels(called: str) -> bool:
    """Whether an axis is the channels of an image."""
    return _is_called(called, CHANNELS)


def _is_called(called: str, known: tuple[str, ...]) -> bool:
    return called.lower() in known or any(len(word) > 1 and word in known for word in words_of(called))


def is_called_state(name: str) -> bool:
    """A name that recurrent state has; that it is one says the graph alone."""
    return name.lower() in STATES


def are_one_state(before: str, after: str) -> bool:
    """Whether an output is called as what an input becomes: `h0` and `hn`, `state` and `stateN`."""
    own, other = ({_OF_STATES[word] for word in words_of(name) if word in _OF_STATES} for name in (before, after))
    return bool(own & other)


def is_sound(name: str, names: Iterable[str]) -> bool:
    """A waveform: called so, or called `input` in a graph that also asks for the sampling rate."""
    return name.lower() in SOUNDS or (name.lower() == "input" and bool(RATES & {n.lower() for n in names}))


def is_length(name: str) -> bool:
    """Whether a name says that it counts the valid part of something: `x_lens`, `seq_len`, `n_valid`, `num_frames`."""
    words = words_of(name)
    if {"mask", *_LIMITS} & {*words} or not words:
        return False
    counted = any(word in _COUNTED or parameter_of(word) == "seq_length" for word in words[1:] if len(word) > 1)
    return any(_LENGTH.fullmatch(word) for word in words) or (words[0] in _COUNTS and counted)


def is_mask(name: str) -> bool:
    """Whether a name says that it masks: `attention_mask`, `padding`."""
    return "mask" in name.lower() or is_padding(name)


def is_padding(name: str) -> bool:
    """Whether a name says that it is true where there is nothing: `src_key_padding_mask`, `is_padded`."""
    return bool(_PADDING & {*words_of(name)})


def is_square_mask(name: str) -> bool:
    """Whether a name says that it masks pairs of positions, as torch and tutorials call such masks."""
    return name.lower() in _OF_PAIRS or "causal" in name.lower()


def is_count(name: str) -> bool:
    """Whether a name says that it counts anything."""
    words = words_of(name)
    of_what = len(words) > 1 and words[0] == "n"
    return "mask" not in words and (
        of_what or bool((_COUNTS - {"n"}) & {*words}) or any(_LENGTH.fullmatch(word) for word in words)
    )


def counted_in(name: str) -> set[str]:
    """The words of a count that name what it counts, without their plural: `x_lens` -> {"x"}."""
    words = (word for word in words_of(name) if word not in _COUNTS)
    return {word.rstrip("s") for word in words if word == "seq" or not _LENGTH.fullmatch(word)}


def is_overruled(name: str, role: str) -> bool:
    """Whether a name says more than that an input is compared, or asked for yes or no, and positions are no lengths."""
    key = name.lower()
    outspoken = key in RATES or is_length(name) or any(part in key for part in _OUTSPOKEN)
    return (role in ("compared", "truth") and outspoken) or (role == "length" and "position" in key)


def is_called_by(words: set[str], axis: str) -> bool:
    """Whether the name of an axis says nothing but these words, without their plural: `num_frames`, `audio_length`."""
    own = counted_in(axis) - {"dim", "max", "total"}
    return bool(own) and own <= words and max(map(len, own)) > 1


def have_common(words: set[str], name: str) -> bool:
    """Whether one of these words, without their plural, stands in a name."""
    return bool(words & {word.rstrip("s") for word in words_of(name)})
