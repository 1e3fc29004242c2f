"""What a model's Python decides on its tensors while torch traces it, and whether that matters.

A trace keeps operators; what Python made of a tensor's value is a constant in it. Three looks at the same model:

1. It is traced on the recorded inputs, on the same ones again, and on others. Graphs are compared node by node (kind,
   attributes, constants by their bytes, what takes what; no types, which rightly differ). What differs between two sets
   of inputs, and not between the two traces of one set, was decided on values.
2. Every conversion of a tensor to a Python value is noted with its place and where the tensor comes from
   (`benchlib.worker.conversions`). A conversion of what sizes, weights and constants give is about shapes.
3. One about values that no set of inputs decides otherwise is turned over: the model is traced with this one answer
   changed. Does it raise, the answer is a check of the inputs; is the graph the same, the trace did not keep the
   answer; do the outputs stay, it does not matter; else it does.

All runs are traces, as these take the ways through the code that an export takes.
"""

from __future__ import annotations

import linecache
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from benchlib import tensors
from benchlib.exporters._trace_graph import Node, first_difference
from benchlib.models import LoadedModel
from benchlib.record import Decision
from benchlib.tensors import FlatArrays
from benchlib.worker.conversions import Place, by_occurrence, differs, is_users, short_path, turned_over
from benchlib.worker.messages import ExamineTrace, TraceReport
from benchlib.worker.service import Worker, verb
from benchlib.worker.traced import Trace, Tracer, outputs_differ
from benchlib.worker.verbs import held_model

_MOVED = 2  # sets that are traced in any case: those that move most
_OF_OTHERS = 0.4  # of the time, at most, is for traces of other sets
_TRIED = 16  # of the conversions at one place, spread evenly
_FURTHER = 4  # questions that are asked only once another is answered otherwise, and answers to each
_RAISES = ("an input check: answered otherwise, it raises", "answered otherwise, an operator fails:")
_NO_OTHER = ", and no compared input decides otherwise"
_CODE = 100  # characters of a line of code that are told
_VALUE = 40  # characters of an answer


@verb
def examine_trace(worker: Worker, request: ExamineTrace) -> TraceReport:
    """Traces the model in this process, which had better do nothing else afterwards."""
    model = held_model(worker, request.model)
    sets = {number: tensors.load(file)[0] for number, file in sorted(request.sets.items())}
    return examine(model, sets, request.seconds)


def examine(model: LoadedModel, sets: Mapping[int, FlatArrays], seconds: float) -> TraceReport:
    """The report on a model. `sets` are flat inputs by number, 0 the recorded ones; after `seconds` no
    further trace is begun, and what was not tried by then is not settled."""
    return _Examination(Tracer(model), dict(sets), seconds).report()


class _Examination:
    """The traces of one model, and what they say together."""

    def __init__(self, tracer: Tracer, sets: dict[int, FlatArrays], seconds: float):
        self.tracer, self.sets = tracer, sets
        # On the clock of time.monotonic. Turning answers over has its share, however many sets there are.
        self.deadline = time.monotonic() + seconds
        self.others_until = time.monotonic() + _OF_OTHERS * seconds
        self.unfinished = False
        self.first, self.seed = tracer.trace(sets[0]), 0
        if self.first.failed:
            return
        again = tracer.trace(sets[0], seed=1)
        if first_difference(self.first.nodes, again.nodes):  # what a first call leaves behind need not be chance
            self.first, self.seed, again = again, 1, tracer.trace(sets[0], seed=2)
        self.random = first_difference(self.first.nodes, again.nodes)
        self.others = self._trace_others()
        self.different = self._different_graphs(self.others)
        self.by_values = self._about_values()

    def report(self) -> TraceReport:
        """All that was found."""
        if self.first.failed:
            return TraceReport(failed=self.first.failed)
        decisions = [*self._of_values(), *self._of_warnings(), *self._of_graphs(), *self._of_shapes()]
        asked = {name for decision in decisions for name in decision.inputs} | {*self.first.used}
        unused = [] if self.first.unseen else [name for name in self.tracer.names if name not in asked]
        for d in decisions:
            print(f"{d.file}:{d.line}: `{d.code}`: {d.kind} {d.value} by {d.origin}; {d.outcome}")
        random = "{}:{}".format(*_place_of(self.random)) if self.random else ""
        return TraceReport(decisions, unused, random, unfinished=self.unfinished)

    def _is_late(self, deadline: float) -> bool:
        """Whether there is no time for another trace."""
        late = time.monotonic() > deadline
        self.unfinished = self.unfinished or late
        return late

    # -- the traces ------------------------------------------------------------------------------

    def _trace_others(self) -> dict[int, Trace]:
        """Of the sets that move most; of all others too where something is decided on values."""
        recorded = self.sets[0]
        shapes = {name: array.shape for name, array in recorded.items()}  # with others, all sizes would differ
        moved = {
            number: sum(not np.array_equal(_bits(inputs[name]), _bits(array)) for name, array in recorded.items())
            for number, inputs in self.sets.items()
            if {name: array.shape for name, array in inputs.items()} == shapes
        }
        traces: dict[int, Trace] = {}
        for number in sorted((n for n in moved if moved[n]), key=lambda n: (-moved[n], n)):
            enough = len(traces) >= _MOVED and not self._decides_on_values(traces)
            if enough or self._is_late(self.others_until):
                break
            trace = self.tracer.trace(self.sets[number], seed=self.seed)
            if not trace.failed:  # a set that the trace refuses decides nothing here: the outputs do
                trace.outputs.clear()
                traces[number] = trace
        return traces

    def _decides_on_values(self, traces: Mapping[int, Trace]) -> bool:
        asks = any(conversion.origin for conversion in self.first.conversions)
        return bool(self.first.unseen or asks or self._different_graphs(traces))

    def _different_graphs(self, traces: Mapping[int, Trace]) -> dict[int, Node]:
        """Of the sets whose graph is another than that of the recorded one, the first node that differs."""
        nodes = {number: first_difference(self.first.nodes, trace.nodes) for number, trace in traces.items()}
        return {number: node for number, node in nodes.items() if node is not None}

    def _about_values(self) -> dict[int, list[int]]:
        """The conversions of the first trace that are about values, by their number -> the sets that decide otherwise.
        One that other inputs of the same shapes decide otherwise is about values wherever it seems to come from."""
        others = {number: by_occurrence(trace.conversions) for number, trace in self.others.items()}
        found = {}
        for index, (key, conversion) in enumerate(by_occurrence(self.first.conversions).items()):
            otherwise = [
                number
                for number, there in others.items()
                if key in there and differs(conversion.value, there[key].value)
            ]
            if conversion.origin or (otherwise and self.random is None):
                found[index] = otherwise
        return found

    # -- decisions -------------------------------------------------------------------------------

    def _of_values(self) -> Iterator[Decision]:
        for place, indices in self._by_place(self.by_values).items():
            otherwise = sorted({number for index in indices for number in self.by_values[index]})
            # That a number is another one settles nothing where the graph stays: what it was held against, a threshold,
            # was met on neither side.
            open_ = [index for index in indices if not {*self.by_values[index]} & {*self.different}]
            if open_:
                spread = np.linspace(0, len(open_) - 1, min(_TRIED, len(open_))).round().astype(int)
                outcomes = [self._turn_over(open_[place]) for place in spread]
                outcome, settled = next((o for o in outcomes if not o[1]), outcomes[0])
            else:
                outcome, settled = f"{_compared(otherwise)} decide otherwise", True
            yield self._decision(place, "input", outcome, settled, indices, otherwise)

    def _of_warnings(self) -> Iterator[Decision]:
        """What torch warns of and nobody noted: it comes from an input, for all that is known."""
        for file, line in self.first.unseen:
            known = f"the graph differs for {_compared(self.different)}" if self.different else ""
            outcome = known or "what it decides could not be tried, and no compared input changes the graph"
            place = Place(file, line, "conversion")
            yield self._decision(place, "input", outcome, bool(self.different), otherwise=sorted(self.different))

    def _of_graphs(self) -> Iterator[Decision]:
        """Where graphs differ although no conversion does: operators that take a value by themselves."""
        if self.random is not None or self.first.unseen:
            return
        explained = {number for otherwise in self.by_values.values() for number in otherwise}
        places: dict[tuple[str, int], list[int]] = {}
        for number in self.different.keys() - explained:
            places.setdefault(_place_of(self.different[number], short=False), []).append(number)
        for (file, line), numbers in places.items():
            outcome = f"the graph differs for {_compared(sorted(numbers))}"
            yield self._decision(Place(file, line, "graph"), "input", outcome, otherwise=sorted(numbers))

    def _of_shapes(self) -> Iterator[Decision]:
        rest = [index for index in range(len(self.first.conversions)) if index not in self.by_values]
        for place, indices in self._by_place(rest).items():
            yield self._decision(place, "shape", "by sizes, weights and constants alone", indices=indices)

    def _turn_over(self, index: int) -> tuple[str, bool]:
        """What becomes of the model when this one answer is another, in words, and whether that settles it. Where that
        only raises, the same question may have been asked twice (`split([n, size - n])`): all are answered alike."""
        alone = self._try_answers([index])
        asked = self.first.conversions[index]
        alike = [
            other
            for other, conversion in enumerate(self.first.conversions)
            if conversion.place == asked.place and not differs(conversion.value, asked.value)
        ]
        if len(alike) > 1 and alone[0].startswith(_RAISES):
            together = self._try_answers(alike)
            return alone if together[0].startswith(_RAISES) else together
        return alone

    def _try_answers(self, indices: list[int]) -> tuple[str, bool]:
        """The same of conversions that are answered alike. A number on which an operator fails is one that operators
        are given, as the trace will give them the recorded one for ever; a way that is not gone proves nothing."""
        asked = self.first.conversions[indices[0]].value
        refused, fails, graph_stays, outputs_stay = "", "", False, False
        for answer in turned_over(asked):
            if self._is_late(self.deadline):
                return "whether it matters was not tried, as no time was left", False
            trace = self.tracer.trace(self.sets[0], dict.fromkeys(indices, answer), self.seed)
            if trace.failed and (trace.refused or isinstance(asked, bool)):
                refused = trace.failed
            elif trace.failed:
                fails = trace.failed
            elif first_difference(self.first.nodes, trace.nodes) is None:
                if further := self._ask_further(indices, answer, trace):
                    return further, False
                graph_stays = True
            elif outputs_differ(self.first.outputs, trace.outputs):
                return f"answered {_text(answer)}, the outputs change{_NO_OTHER}", False
            else:
                outputs_stay = True
        if outputs_stay or graph_stays:
            return f"answered otherwise, the {'outputs stay' if outputs_stay else 'graph stays'}", True
        if fails:
            return f"{_RAISES[1]} {fails}{_NO_OTHER}", False
        if refused:
            return f"{_RAISES[0]} {refused}", True
        return f"there is no other answer that could be tried{_NO_OTHER}", False

    def _ask_further(self, indices: list[int], answer: Any, turned: Trace) -> str:
        """What becomes of the model when that too is answered otherwise what it is asked for the first time once these
        are (`if a and b`), in words; "" where the outputs stay."""
        known = by_occurrence(self.first.conversions)
        new = [
            (index, conversion)
            for index, (key, conversion) in enumerate(by_occurrence(turned.conversions).items())
            if key not in known and conversion.origin
        ]
        for index, conversion in new[:_FURTHER]:
            for other in turned_over(conversion.value)[:_FURTHER]:
                if self._is_late(self.deadline):
                    return "whether it matters was not tried, as no time was left"
                both = {**dict.fromkeys(indices, answer), index: other}
                trace = self.tracer.trace(self.sets[0], both, self.seed)
                if not trace.failed and outputs_differ(self.first.outputs, trace.outputs):
                    then = f"{short_path(conversion.place.file)}:{conversion.place.line} {_text(other)}"
                    return f"answered {_text(answer)}, and {then}, the outputs change{_NO_OTHER}"
        return ""

    def _by_place(self, indices: Iterable[int]) -> dict[Place, list[int]]:
        places: dict[Place, list[int]] = {}
        for index in indices:
            places.setdefault(self.first.conversions[index].place, []).append(index)
        return places

    def _decision(
        self,
        place: Place,
        origin: str,
        outcome: str,
        settled: bool = True,
        indices: Iterable[int] = (),
        otherwise: Sequence[int] = (),
    ) -> Decision:
        asked = [self.first.conversions[index] for index in indices]
        return Decision(
            file=short_path(place.file),
            line=place.line,
            code=linecache.getline(place.file, place.line).strip()[:_CODE],
            kind=place.kind,
            value=_text(asked[0].value) if asked else "",
            origin=origin,
            inputs=sorted({name for conversion in asked for name in conversion.origin}),
            outcome=outcome,
            settled=settled,
            times=max(1, len(asked)),
            otherwise=list(otherwise),
        )


def _place_of(node: Node, short: bool = True) -> tuple[str, int]:
    """File and line of the model's own code that made a node."""
    file, line = next((frame for frame in node.frames if is_users(frame[0])), ("", 0))
    return (short_path(file) if short else file), line


def _compared(numbers: Iterable[int]) -> str:
    return f"compared inputs {', '.join(map(str, numbers))}"


def _text(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else " ".join(str(value).split())
    return text if len(text) <= _VALUE else f"{text[:_VALUE]}…"


def _bits(array: np.ndarray) -> np.ndarray:
    return np.frombuffer(array.tobytes(), np.uint8)
