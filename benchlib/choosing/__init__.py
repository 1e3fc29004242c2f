"""Which way of running one model to use here: the ways that can run, checked and raced within a budget.

`question` says what is asked, `candidates` finds the ways in the registries, `race` runs them (a first look at each,
then the close ones at full length, then direct pairs), `outcome` reads what came of it, `choice` says it.
"""

from benchlib.choosing.choice import Choice
from benchlib.choosing.question import Question
from benchlib.choosing.race import choose

__all__ = ["Choice", "Question", "choose"]
