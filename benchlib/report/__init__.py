"""Records → table, figures, one HTML file.

`collate` reads a study's executed notebooks into a table, `summary` says it, `publish` makes the report.
"""

from benchlib.report.collate import Results, StoredPlan, collate, read
from benchlib.report.publish import publish
from benchlib.report.summary import summary, summary_html

__all__ = ["Results", "StoredPlan", "collate", "publish", "read", "summary", "summary_html"]
