"""A case: one model under one set of conditions, so that its rows differ in nothing but the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchlib.report.columns import condition_text, conditions
from benchlib.report.units import known


@dataclass(frozen=True)
class Case:
    """`conditions` are those by which cases of one model differ, in words; empty where there is one case only."""

    model: str
    conditions: str
    rows: list[dict[str, Any]]

    @property
    def title(self) -> str:
        return ", ".join(filter(None, [self.model, self.conditions]))


def cases(results: pd.DataFrame) -> list[Case]:
    """The rows of a study by case, in the order of the plan."""
    # What was asked for tells cases apart; what was found is unknown of a trial that did not come so far.
    named = {n: f"asked_{n}" if f"asked_{n}" in results else n for n in conditions(results)}
    found: dict[tuple, list[dict[str, Any]]] = {}
    for row in results.to_dict("records"):
        values = tuple(row[n] if known(row[n]) else None for n in named.values())
        found.setdefault((str(row["model_name"]), *values), []).append(row)
    told = {}
    for model in {key[0] for key in found}:
        own = [key[1:] for key in found if key[0] == model]
        told[model] = [i for i in range(len(named)) if len({values[i] for values in own}) > 1]
    return [
        Case(model, ", ".join(_words(list(named), values, told[model])), rows)
        for (model, *values), rows in found.items()
    ]


def _words(names: list[str], values: list[Any], told: list[int]) -> Iterator[str]:
    texts = (condition_text(names[i], values[i]) for i in told if values[i] is not None)
    return filter(None, texts)
