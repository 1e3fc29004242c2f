"""`from mlagility.parser import parse`."""

from benchlib.parser import parse

__all__ = ["parse"]
