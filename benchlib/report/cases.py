"""A case: one model under one set of conditions, so that its rows differ in nothing but the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchlib.report.columns import condition_text, conditions
from benchlib.report.rows import Row, rows_of
from benchlib.report.units import known


@dataclass(frozen=True)
class Case:
    """`conditions` are those by which cases of one model differ, in words; empty where there is one case only."""

    model: str
    conditions: str
    rows: list[Row]

    @property
    def title(self) -> str:
        return ", ".join(filter(None, [self.model, self.conditions]))


def cases(results: pd.DataFrame) -> list[Case]:
    """The rows of a study by case, in the order of the plan."""
    # What was asked for tells cases apart; what was found is unknown of a trial that did not come so far.
    named = {n: f"asked_{n}" if f"asked_{n}" in results else n for n in conditions(results)}
    groups: dict[tuple[str, tuple[Any, ...]], list[Row]] = {}
    for row in rows_of(results):
        values = tuple(row[n] if known(row[n]) else None for n in named.values())
        groups.setdefault((str(row["model_name"]), values), []).append(row)
    varying = {model: _varying([own for name, own in groups if name == model]) for model, _ in groups}
    return [
        Case(model, ", ".join(_condition_texts(list(named), values, varying[model])), rows)
        for (model, values), rows in groups.items()
    ]


def _varying(cases_of_model: list[tuple[Any, ...]]) -> list[int]:
    """The positions of the conditions in which the cases of one model differ."""
    return [i for i, values in enumerate(zip(*cases_of_model, strict=True)) if len(set(values)) > 1]


def _condition_texts(names: list[str], values: tuple[Any, ...], varying: list[int]) -> Iterator[str]:
    texts = (condition_text(names[i], values[i]) for i in varying if values[i] is not None)
    return filter(None, texts)
