"""From a study to its pages: `report.html`, and one page for each executed notebook.

Papermill executes `notebooks/analysis.ipynb` in the study's folder; the result stays there and nbconvert
makes one file of it, with the template in `notebooks/report/`. Nothing in a page points outside the study.
"""

from __future__ import annotations

import logging
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchlib import template_files
from benchlib.errors import UserError
from benchlib.execution.store import RUNOFF, TRIALS
from benchlib.files import write_text
from benchlib.record import scrap
from benchlib.report.collate import collate
from benchlib.report.proof import proof
from benchlib.report.prose import paragraph
from benchlib.report.tables import record_card

if TYPE_CHECKING:
    from nbconvert import HTMLExporter
    from nbformat import NotebookNode

TEMPLATE = "report"


@dataclass(frozen=True)
class Section:
    """An entry of a page's contents."""

    anchor: str
    title: str


@dataclass
class PageFacts:
    """What the template of `notebooks/report/` shows of a page beside its cells, as `page`."""

    title: str
    kind: str  # report or trial
    home: str = ""  # the address of the page that it leads back to
    home_title: str = ""
    source: str = ""  # the file name of its notebook
    contents: list[Section] = field(default_factory=list)


def publish(study: str | Path) -> Path:
    """Collates a study, writes the proof of each row and makes its pages; returns the path of `report.html`.

    Raises UserError for a folder that holds no study, or nothing to publish yet.
    """
    for notebook in _notebooks(Path(study)):
        _prove(notebook)
    results = collate(study)
    if results.table["notebook"].isna().all():
        raise UserError(f"{results.folder} has no finished trials yet: nothing to publish")
    analysis = _analyse(results.folder)
    exporter = make_exporter()
    for notebook in _notebooks(results.folder):
        if _is_stale(notebook):
            publish_trial(notebook, exporter, results.title)
    report = results.folder / "report.html"
    write_text(report, to_html(analysis, exporter, PageFacts(results.title, "report")))
    return report


def publish_trial(notebook: Path, exporter: HTMLExporter, study_title: str) -> Path | None:
    """Makes the page of one executed notebook; None for a file that is no notebook (collation names it)."""
    import nbformat

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a foreign notebook may lack cell ids: no matter here
            node = nbformat.read(notebook, as_version=4)
    except Exception:  # nbformat raises whatever a damaged file makes it stumble over
        return None
    page = notebook.with_suffix(".html")
    facts = PageFacts(notebook.stem, "trial", "../report.html", study_title, notebook.name)
    write_text(page, to_html(node, exporter, facts))
    return page


def make_exporter() -> HTMLExporter:
    """One exporter for all pages: making it costs more than a page does."""
    from nbconvert import HTMLExporter

    log = logging.getLogger("benchlib.report")
    log.setLevel(logging.ERROR)  # images without a text get one from nbconvert, which says so each time
    return HTMLExporter(
        template_name=TEMPLATE,
        extra_template_basedirs=[str(template_files.FOLDER)],
        exclude_anchor_links=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        log=log,
    )


def to_html(node: NotebookNode, exporter: HTMLExporter, page: PageFacts) -> str:
    """A notebook as one self-contained page. Its sections become the contents of `page`, which the template shows."""
    for cell in node.cells:
        if cell.cell_type == "markdown":
            anchor, title = _heading(cell.source, {section.anchor for section in page.contents})
            if anchor:
                cell.metadata["anchor"] = anchor
                page.contents.append(Section(anchor, title))
        for output in cell.get("outputs", ()):
            _make_readable(output)
    html, _ = exporter.from_notebook_node(node, resources={"page": page})
    return html


def _notebooks(folder: Path) -> list[Path]:
    """The executed notebooks of a study: of its matrix, then of its run-off."""
    return [path for room in (TRIALS, RUNOFF) for path in sorted((folder / room).glob("*.ipynb"))]


def _prove(notebook: Path) -> None:
    """Writes the proof of a row beside its notebook; a trial that measured nothing has none."""
    script = notebook.with_suffix(".py")
    try:
        write_text(script, proof(notebook))
    except UserError:
        script.unlink(missing_ok=True)


def _analyse(folder: Path) -> NotebookNode:
    """The executed analysis; it stays in the study's folder, where it can be run again by hand."""
    import nbformat
    import papermill

    from benchlib.kernels import PrivateKernelManager

    node = papermill.execute_notebook(
        str(template_files.FOLDER / "analysis.ipynb"),
        None,
        parameters={"study": "."},
        kernel_name="python3",
        progress_bar=False,
        # nbclient's own way of choosing the folder: papermill's `cwd` changes that of this whole process.
        resources={"metadata": {"path": str(folder.resolve())}},
        kernel_manager_class=PrivateKernelManager,
    )
    write_text(folder / "analysis.ipynb", nbformat.writes(node))
    # The parameter says nothing to a reader of the page; a trial's parameters do, and stay in its page.
    node.cells = [c for c in node.cells if "injected-parameters" not in c.metadata.get("tags", ())]
    return _without_empty_sections(node)


def _without_empty_sections(node: NotebookNode) -> NotebookNode:
    """Takes out the cells tagged `optional` that showed nothing, each with the Markdown cell before it."""
    empty = {i for i, c in enumerate(node.cells) if "optional" in c.metadata.get("tags", ()) and not c.outputs}
    gone = empty | {i - 1 for i in empty if i and node.cells[i - 1].cell_type == "markdown"}
    node.cells = [c for i, c in enumerate(node.cells) if i not in gone]
    return node


def _is_stale(notebook: Path) -> bool:
    page = notebook.with_suffix(".html")
    sources = [notebook, *(template_files.FOLDER / TEMPLATE).iterdir()]
    return not page.exists() or page.stat().st_mtime <= max(s.stat().st_mtime for s in sources)


def _heading(source: str, taken: set[str]) -> tuple[str, str]:
    """The anchor and the title of a section (`## …`) that a Markdown cell begins with, or two empty texts."""
    found = re.match(r"##\s+(.+)", source.lstrip())
    if not found:
        return "", ""
    title = re.sub(r"[*`_]", "", found[1]).strip()
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"
    anchor = next(a for a in (slug, *(f"{slug}-{n}" for n in range(2, 1000))) if a not in taken)
    return anchor, title


def _make_readable(output: NotebookNode) -> None:
    """Puts something for people in the place of a scrap."""
    data = output.get("data")
    if not data or scrap.MIME not in data:
        return
    body = data.pop(scrap.MIME)
    if not data:  # else it was displayed in a readable form as well
        name, content = (body.get("name"), body.get("data")) if isinstance(body, dict) else (None, None)
        data["text/html"] = _scrap_card(name, content)


def _scrap_card(name: Any, content: Any) -> str:
    """A card for a record, a line for samples and for what others stored, or what cannot be read."""
    try:
        if name == scrap.RECORD:
            return record_card(scrap.record_of(content))
        if name == scrap.SAMPLES:
            return paragraph(f"{sum(content['epochs']['calls']):,} raw samples are kept in the notebook.", "quiet")
    except (scrap.NoRecord, TypeError, KeyError):
        pass
    return paragraph(f"{name} is kept in the notebook.", "quiet")
