"""The answers that are read: those of stored runs, `run:<run id>`, and public ones, `public:<set>/<file>`."""

from collections.abc import Iterator

from homog_core.leftovers import answer_text
from homog_core.records import GREEDY
from homog_core.runs.public_answers import Answers, public_answers
from homog_core.runs.store import open_run
from homog_core.runs.tables import question_of


def answers_of(source: str) -> list[Answers]:
    """The answers of a source, one record a question."""
    kind, _, name = source.partition(":")
    return list(_of_run(source, name)) if kind == "run" else public_answers(name)


def short_name(source: str) -> str:
    """A source as the tables of readings call it: the model of a run, or the public file."""
    kind, _, name = source.partition(":")
    return name.partition("--")[0] if kind == "run" else name


def _of_run(source: str, run_id: str) -> Iterator[Answers]:
    run = open_run(run_id)
    rows = dict(tuple(run.responses().groupby("question_id", sort=False)))
    stage = "control" if "continued" in run.identity.model else run.provenance.stage or ""
    for question in run.questions().itertuples():
        own = rows[question.id].set_index("sample_index")["text"].map(answer_text)
        samples = tuple(own.drop(GREEDY).sort_index())
        yield Answers(source, stage, question_of(question), samples, own[GREEDY])
