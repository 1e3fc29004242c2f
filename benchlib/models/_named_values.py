"""What the name of an input says of its values, where the graph leaves that open: a speed is 1, a timestep one of 1000.

One table: a pattern of the whole name in lower case, what such an input holds, and of which numbers that is so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from benchlib.models._use import UNKNOWN, Use

FEW = 3  # numbers of an input up to which they may be settings beside the data
ONE = Use("setting", (1.0,))
HALF = Use("setting", (0.5,))
POSITIVE = Use("positive")


@dataclass(frozen=True)
class _Named:
    """A pattern of names and what it says of inputs of these kinds of numbers (numpy's letters): of those of one or a
    few numbers for each item, or of any."""

    pattern: str
    use: Use
    kinds: str = "f"
    of_any_shape: bool = False

    def fits(self, name: str, kind: str, shape: Sequence[int]) -> bool:
        named = re.fullmatch(f"(.*[_./])?({self.pattern})", name)
        is_small = len(shape) < 2 or (len(shape) == 2 and shape[-1] <= FEW)
        return bool(named) and kind in self.kinds and (self.of_any_shape or is_small)


_NAMED = (
    # what masks and prompts of segment-anything are
    _Named("has_mask_input", Use("fixed", (0,)), "fiub"),
    _Named("mask_input", Use("fixed", (0,)), of_any_shape=True),
    _Named("point_labels", Use("category", (1.0, 0.0)), of_any_shape=True),
    _Named("point_coords", Use("pixels"), of_any_shape=True),
    _Named("(im|image|img|orig|ori|original|target|input)_?(size|shape|hw)s?", Use("image size")),
    # voices
    _Named("scales", Use("setting", (0.667, 1.0, 0.8))),
    _Named("noise_scale", Use("setting", (0.667,))),
    _Named("noise_scale_w|noise_scale_dp|noise_w|sdp_ratio", Use("setting", (0.8,))),
    # what is sampled, and what is kept of it
    _Named("top_p", Use("setting", (0.9,))),
    _Named("(speed|temperature|scale|scale_factor|guidance|cfg|penalty|alpha|strength)s?", ONE),
    _Named(".*thresh(old)?s?|thr", HALF),
    _Named("num_return_sequences|num_beams|num_images_per_prompt|beam_width|beam_size", Use("count"), "iu"),
    _Named("seed", Use("fixed", (0,)), "iu"),
    # diffusion
    _Named("timesteps?|time_step", Use("timestep"), "fiu"),
    _Named("sigmas?|std|stddev|variance|noise_level", POSITIVE, of_any_shape=True),
    _Named("noise", POSITIVE),
    # distributions
    _Named("probs?|probabilit(y|ies)", POSITIVE, of_any_shape=True),
    _Named("one_?hot(_.*)?", Use("one hot"), "fiu", of_any_shape=True),
)  # fmt: skip


def named_use(name: str, kind: str, shape: Sequence[int]) -> Use:
    """What a name says of an input; UNKNOWN where it says nothing.

    Args:
        name: of the input.
        kind: its numbers, in numpy's letters: "f", "i", "u" or "b".
        shape: of the input.
    """
    return next((named.use for named in _NAMED if named.fits(name.lower(), kind, shape)), UNKNOWN)
