"""How far a study is: for each cell its stored run, what is missing, and what that will cost. It samples nothing.

A cell's run is the newest one with its model, questions and settings. That the weights behind a name have changed since
is not seen: for that they would have to be read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from homog_core.analysis.plan import Cost, cost, newest_run
from homog_core.analysis.run_state import Scored, scored_state
from homog_core.errors import HomogError, NotFound
from homog_core.runs import store
from homog_core.runs.questions import question_ids_sha256
from homog_core.runs.store import Run
from homog_core.runs.study_file import Cell
from homog_core.sampling.weights import find_model


@dataclass(frozen=True, slots=True)
class CellProgress:
    """One cell of a study as it stands."""

    cell: Cell
    run: Run | None = None  # None: not begun
    n_done: int = 0  # questions that are sampled
    n_total: int = 0
    is_scored: bool = False
    cost: Cost | None = None  # of what is missing; None where nothing is, or no run says
    problem: str = ""  # why nothing can be sampled

    @property
    def is_sampled(self) -> bool:
        """Whether all questions are sampled."""
        return self.run is not None and self.run.provenance.status == "complete"

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return self.is_sampled and self.is_scored


def study_progress(cells: Iterable[Cell]) -> list[CellProgress]:
    """How far each cell is. What is wrong with its model, its dataset or its run is its `problem`."""
    runs = store.list_runs()
    return [_progress_or_problem(cell, runs) for cell in cells]


def _progress_or_problem(cell: Cell, runs: Sequence[Run]) -> CellProgress:
    try:
        return _progress(cell, runs)
    except HomogError as error:
        return CellProgress(cell, problem=str(error))


def _progress(cell: Cell, runs: Sequence[Run]) -> CellProgress:
    spec, questions = find_model(cell.model), cell.settings.questions(cell.dataset)
    decoding, style = cell.settings.decoding(cell.dataset), cell.settings.prompt or spec.prompt_style
    asked = (spec.key, questions[0].dataset, question_ids_sha256(one.id for one in questions), decoding, style)

    def is_of_cell(run: Run) -> bool:
        own = run.identity
        found = (own.model, own.dataset, own.question_ids_sha256, own.decoding, own.prompt_style)
        asked_dtype = cell.settings.dtype
        is_dtype = own.dtype == asked_dtype if asked_dtype else own.dtype != "int8"  # no machine suggests int8
        return found == asked and is_dtype and not run.is_imported

    found = [run for run in runs if is_of_cell(run)]
    found.sort(key=lambda run: run.provenance.status != "complete")  # stable: then the newest
    run, n_total = next(iter(found), None), len(questions)
    if run and run.provenance.status == "complete":
        return CellProgress(cell, run, n_total, n_total, scored_state(run) is Scored.YES)
    n_done = len(run.sampled_ids()) if run else 0
    return CellProgress(cell, run, n_done, n_total, cost=_cost(runs, spec.key, cell, n_total - n_done))


def _cost(runs: Sequence[Run], model: str, cell: Cell, n_questions: int) -> Cost | None:
    """What so many questions cost, by the newest run of the model, over the same dataset where there is one."""
    for dataset in (cell.dataset, None):
        try:
            run = newest_run(runs, model, dataset)
        except NotFound:
            continue
        return cost(run, n_questions, cell.settings.samples, run.provenance.device, runs) if n_questions else None
    return None
