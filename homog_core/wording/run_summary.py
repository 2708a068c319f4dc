"""What one run found, as the document that `show --json` prints, and the sentences in it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from homog_core.analysis.summary import RunSummary
from homog_core.errors import InvalidInput
from homog_core.statistics.cascade import Saving
from homog_core.wording import commands
from homog_core.wording.cascade import cascade_sentence
from homog_core.wording.numbers import counted, noun
from homog_core.wording.sampler import sampler_document
from homog_core.wording.texts import texts_document

_MOST_NAMED = 12


def summary_document(found: RunSummary) -> dict[str, Any]:
    """Every statistic of a run by name, in plain values."""
    return {
        "run": found.run_id,
        "n_questions": found.n_questions,
        "n_tokens": found.n_tokens,
        "wall_seconds": found.wall_seconds,
        "tokens_per_second": round(found.tokens_per_second, 1),
        "grades": found.grades,
        "missing": "" if found.has_nli else missing_nli(found.run_id),
        "import_notes": [asdict(note) for note in found.import_notes],
        "sampler": sampler_document(found.sampler),
        "texts": texts_document(found.texts),
        "estimates": {name: asdict(estimate) for name, estimate in found.estimates.items()},
        "scores": [asdict(score) for score in found.scores],
        "cascade": _cascade(found.saving),
    }


def missing_nli(run_id: str) -> str:
    """That no NLI model has read the answers, and how to have one do it. The command stands between backticks."""
    return f"NLI scores: `{commands.score_by_nli(run_id)}` fetches the model where there is a network"


def no_ranking(grades: Mapping[str, int]) -> str:
    """Why no score can be ranked by how well it tells incorrect from correct answers; "" where both kinds are there."""
    correct, incorrect = (grades.get(name, 0) for name in ("correct", "incorrect"))
    if correct and incorrect:
        return ""
    return (
        f"No score can be ranked: that takes greedy answers that are correct and some that are incorrect, and here "
        f"{correct} are correct and {incorrect} incorrect. Answers are graded where their questions have references."
    )


def undefined(names: Sequence[str]) -> str:
    """Which statistics have no value, in one sentence."""
    shown = f"{', '.join(names[:_MOST_NAMED])}{' …' if len(names) > _MOST_NAMED else ''}"
    return f"{counted(len(names), 'statistic')} {noun(len(names), 'is', 'are')} undefined for these answers: {shown}."


def _cascade(found: Saving | InvalidInput) -> dict[str, Any]:
    """The saving of the cascade with the evidence on its quality, and a sentence; or why there is none."""
    if isinstance(found, InvalidInput):
        return {"sentence": str(found)}
    return {
        "saving": asdict(found.saving),
        "auroc": found.cascade.auroc,
        "auroc_of_everything": found.everything.auroc,
        "auroc_of_the_cheapest": found.cheapest.auroc,
        "difference": found.difference._asdict(),
        "verdict": found.verdict,
        "sentence": cascade_sentence(found),
    }
