"""The sections of the report, as the analysis notebook calls them: a sentence of findings, and what shows it.

Every number in the prose is computed here from the records; the machine is the one that the records name.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from benchlib.measure.samples import Samples
from benchlib.plan.in_words import counted
from benchlib.record import scrap
from benchlib.report import (
    coverage,
    discoveries,
    disturbed,
    failures,
    fastest,
    filters,
    findings,
    first_screen,
    footprint,
    graphs,
    panels,
    passes,
    placement,
    plots,
    precisions,
    prose,
    quality,
    tables,
    units,
)
from benchlib.report.belief import belief_in
from benchlib.report.collate import Results, read
from benchlib.report.defined import DEFINED, DEFINED_WHERE_KNOWN
from benchlib.report.machine_facts import machine_facts
from benchlib.report.machine_share import share_table
from benchlib.report.markup import html, joined
from benchlib.report.rows import rows_of
from benchlib.report.theme import Theme, picture
from benchlib.report.words import GLOSSARY, STATUS_WORDS, VERDICT_WORDS

FIGURES = 40  # trials, up to which a study without a single latency has its figures all the same
_LEFT_OUT = """\
<div class="warning"><p>Left out, because they hold no record of a planned trial:</p>\
<ul>{% for line in lines %}<li>{{ line }}</li>{% endfor %}</ul></div>"""


class Html:
    """A piece of the page; a notebook shows it."""

    def __init__(self, *pieces: str):
        self.text = joined(pieces, "\n")

    def _repr_html_(self) -> str:
        return str(self.text)

    def __repr__(self) -> str:
        return f"<{len(self.text):,} characters of HTML>"


class Report:
    """One study, section by section."""

    def __init__(self, study: str | Path):
        self.results: Results = read(study)
        self.table: pd.DataFrame = self.results.table

    def __repr__(self) -> str:
        return f"Report({str(self.results.folder)!r}): {len(self.table)} trials"

    @cached_property
    def samples(self) -> dict[str, np.ndarray]:
        """The steady samples of each trial's own way, in seconds, by the trial's key."""
        found = {}
        for row in rows_of(self.table[self.table["time_latency"].notna() & self.table["notebook"].notna()]):
            try:
                samples = Samples.decode(scrap.read(self.results.folder / row["notebook"], scrap.SAMPLES))
            except scrap.NoRecord:
                continue  # its row says that there are none
            found[row["key"]] = samples.counted(len(samples.contenders) - 1)
        return found

    # -- sections --------------------------------------------------------------------------------

    def question(self) -> Html:
        """The study's title, its answers, whether to believe them, and what became of every planned trial."""
        return Html(
            html("<h1>{{ title }}</h1>", title=self.results.title),
            prose.paragraph(findings.scope(self.table), "lead"),
            first_screen.answers(self.results.answers),
            first_screen.light(belief_in(self.results)),
            disturbed.warning(self.results),
            first_screen.equation(self.results),
            "" if self._only_checked else first_screen.heat_map(self.table),
            prose.paragraph(first_screen.machine_line(self.table), "machine"),
            prose.paragraph(discoveries.told_apart(self.table)),
            self._left_out(),
        )

    def machine(self) -> Html:
        """What the records say about the machine that measured; values differ when there were several."""
        facts = machine_facts(self.table)
        return Html(facts or prose.paragraph("No trial got far enough to look at the machine."))

    def overview(self) -> Html:
        """The main table, and the bar that filters it and every other of trials."""
        timed = int(self.table["time_latency"].notna().sum())
        text = (
            f"{counted(timed, 'trial')} of {len(self.table)} {'has' if timed == 1 else 'have'} a latency. "
            "Click a column head to sort by it, a way to open the notebook behind the row; point at a head for what it "
            "means."
        )
        return Html(prose.paragraph(text), filters.bar(self.table), tables.main_table(self.table))

    def fastest(self) -> Html:
        """For each model the way that won its run-offs, or those that cannot be told apart."""
        if self._only_checked:
            return Html(prose.paragraph("Nothing was timed in this study."))
        found = self.results.answers
        return Html(prose.paragraph(fastest.findings(found)), fastest.fastest_table(found))

    def speedup(self) -> Html:
        """Speedups with their intervals, for each model and exporter."""
        return Html(
            prose.paragraph(findings.verdicts(self.table)),
            prose.paragraph(discoveries.in_words(self.table)),
            prose.paragraph(findings.not_comparable(self.table)),
            *self._pictures(plots.speedup, f"Speedup over the reference. {findings.verdicts(self.table)}"),
        )

    def latency(self) -> Html:
        """The distributions of all steady samples."""
        if self._only_checked:
            return Html(prose.paragraph("Nothing was timed in this study."))
        count = sum(map(len, self.samples.values()))
        alt = f"Distribution of the latencies of {len(self.samples)} trials, {count:,} samples in all."
        text = (
            f"{count:,} samples of {counted(len(self.samples), 'trial')}, none left out: the shape is "
            "their density on a logarithmic axis, the dot the median, the thick line the middle half, "
            "the thin one the middle 90 %; every sample outside that is a tick."
        )
        return Html(
            prose.paragraph(text),
            *self._pictures(lambda rows, theme: plots.latency(rows, self.samples, theme), alt),
            share_table(self.table),
        )

    def quality(self) -> Html:
        """How sure each figure is, and what disturbed it."""
        if self.table["time_latency"].isna().all():
            return Html(prose.paragraph("Nothing was timed in this study."))
        return Html(prose.paragraph(quality.findings(self.table)), quality.quality_table(self.table))

    def placement(self) -> Html:
        """Where the work ran, and what of a latency is whose: the device's, the copies', the host's."""
        return Html(prose.paragraph(placement.sentence(self.table)), placement.placement_table(self.table))

    def costs(self) -> Html:
        """Time to export, and the number of calls after which that has paid for itself."""
        rows = self.table[~self.table["control"].astype(bool) & (self.table["exporter"] != "eager")]
        if rows["time_export"].isna().all():
            return Html(prose.paragraph("Nothing was exported in this study."))
        paid = discoveries.decided_break_even(rows)["break_even"].dropna().astype(float)
        pays = paid[np.isfinite(paid)]
        longest = rows.loc[rows["time_export"].astype(float).idxmax()]
        text = (
            f"The longest export took {units.duration(longest['time_export'])} "
            f"({longest['model_name']}, {longest['way']}). "
        )
        if len(paid):
            text += (
                f"{counted(len(pays), 'way')} of {len(paid)} pay{'s' if len(pays) == 1 else ''} for the "
                "export and the opening after some number of calls; only a speedup that is decided has such a number, "
                "and a question mark stands where it does not stand among all comparisons of this study."
            )
        timed = self.table["time_latency"].notna().any()
        return Html(
            prose.paragraph(text),
            *self._pictures(plots.costs, "Time to export and number of calls to break even.", rows),
            *([quality.phases_table(self.table)] if timed else []),
        )

    def accuracy(self) -> Html:
        """Errors against what counts as right, and latency against error where a model is in several precisions."""
        compared = self.table[self.table["tolerance_abs"].notna()]
        if compared.empty:
            return Html(prose.paragraph("No trial got far enough to compare outputs."))
        wrong = int((compared["status"] == "inaccurate").sum())
        text = f"{counted(len(compared), 'trial')} compared, {wrong or 'none'} found inaccurate" + (
            ": no speedup is published for " + ("it." if wrong == 1 else "them.") if wrong else "."
        )
        if unverified := int((compared["status"] == "unverified").sum()):
            text += f" The outputs of {counted(unverified, 'trial')} prove nothing (unverified)."
        return Html(
            prose.paragraph(text),
            *self._pictures(plots.accuracy, f"What the largest error of each trial uses of its tolerance: {text}"),
            tables.accuracy_table(self.table),
            _headed("Across precisions", joined(across, "\n")) if (across := precisions.sections(self.table)) else "",
        )

    def memory(self) -> Html | None:
        """Peak memory by phase, where some trial was asked for it."""
        return _html_or_none(footprint.memory(self.table))

    def coverage(self) -> Html | None:
        """Which ways work for which models, where the main table does not say that at a glance."""
        if not coverage.shown(self.table):
            return None
        why = coverage.reasons_table(self.results)
        return Html(
            prose.paragraph(coverage.findings(self.table)),
            coverage.rates_table(self.table),
            _headed("Every model and way", prose.paragraph(coverage.LEGEND)),
            coverage.matrix(self.table),
            why and _headed("The reasons, by kind", why),
        )

    def passes(self) -> Html | None:
        """What the passes did to the graphs, where there are any."""
        return _html_or_none(passes.passes_tables(self.results))

    def graphs(self) -> Html | None:
        """How the graphs of a model's ways differ, and which operators explain a difference in time."""
        return _html_or_none(graphs.sections(self.results))

    def energy(self) -> Html | None:
        """Energy per item, where some trial was asked for it."""
        return _html_or_none(footprint.energy(self.table))

    def failures(self) -> Html:
        """Everything that is not ok, with the command that repeats it."""
        counts = {status: n for status, n in self.results.counts().items() if n and status != "ok"}
        if not counts:
            return Html(prose.paragraph("None: every planned trial ran and computes what it should."))
        text = ", ".join(f"{n} {status}" for status, n in counts.items())
        return Html(
            prose.paragraph(f"{sum(counts.values())} of {len(self.table)} trials are not ok: {text}."),
            failures.failures_table(self.results),
        )

    def definitions(self) -> Html:
        """The metrics of this page, from their declarations."""
        told = [name for name in DEFINED_WHERE_KNOWN if self.table[name].replace("", None).notna().any()]
        defined = (*DEFINED, *told, *placement.shown(self.table), *footprint.defined(self.table))
        return Html(
            _headed("Verdicts", tables.words_list(VERDICT_WORDS, badges=True)),
            _headed("Statuses", tables.words_list(STATUS_WORDS, badges=True)),
            _headed("Metrics", tables.definitions_table(defined)),
        )

    def glossary(self) -> Html:
        return Html(tables.words_list(GLOSSARY))

    # -- helpers ---------------------------------------------------------------------------------

    @property
    def _only_checked(self) -> bool:
        """Whether many trials were made and none was timed: figures would repeat one word a hundred times."""
        return len(self.table) > FIGURES and bool(self.table["time_latency"].isna().all())

    def _left_out(self) -> str:
        lines = self.results.left_out
        return html(_LEFT_OUT, lines=lines) if lines else ""

    def _pictures(
        self, draw: Callable[[pd.DataFrame, Theme], Figure], alt: str, rows: pd.DataFrame | None = None
    ) -> list[str]:
        pieces = [] if self._only_checked else panels.parts(self.table if rows is None else rows)
        return [picture(partial(draw, piece), prose.alt(alt, piece)) for piece in pieces]


def _headed(title: str, inside: str) -> str:
    return html("<h3>{{ title }}</h3>{{ inside }}", title=title, inside=inside)


def _html_or_none(pieces: list[str]) -> Html | None:
    """Nothing at all where there are no pieces: a cell that shows nothing leaves the page with its heading."""
    return Html(*pieces) if pieces else None
