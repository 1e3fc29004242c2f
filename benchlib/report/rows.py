"""The rows of the table of results (`collate.Results.table`): a trial each, by the names of the columns.

Which columns there are is known when a study has been read: the parameters and labels of its trials, all metrics.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

Row = Mapping[str, Any]


def rows_of(results: pd.DataFrame) -> list[Row]:
    """The rows of a table of results, in its order."""
    return results.to_dict("records")  # type: ignore[return-value]
