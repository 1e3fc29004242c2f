"""The standard parameters of a model script, read from its own command line.

    from benchlib.parser import parse

    batch_size, max_seq_length = parse(["batch_size", "max_seq_length"])

`python script.py --batch_size 8` sets one by hand; a trial passes those that it names. Names, types and defaults are
MLAgility's, and scripts that import `mlagility.parser` run unmodified (`benchlib/standins`). Standard library alone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from benchlib.errors import UnknownName

STANDARD: dict[str, int | float] = {
    "batch_size": 1,
    "max_seq_length": 128,
    "max_audio_seq_length": 25600,
    "height": 224,
    "width": 224,
    "num_channels": 3,
    "k": 8,
    "alpha": 2.2,
    "in_channels": 1433,
    "out_channels": 16,
    "num_layers": 8,
}


def parse(names: Sequence[str]) -> list[int | float]:
    """The values of these parameters in this order; a list for one name too. Ends the script for other options."""
    parser = _Parser(allow_abbrev=False)
    for name in names:
        if name not in STANDARD:
            raise UnknownName("standard parameter", name, STANDARD)
        parser.add_argument(f"--{name}", type=type(STANDARD[name]), default=STANDARD[name])
    given = parser.parse_args()
    return [getattr(given, name) for name in names]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        options = [a.option_strings[0] for a in self._actions if a.dest != "help"]
        sys.exit(f"{self.prog}: {message}; it takes {', '.join(options) or 'no options'}")
