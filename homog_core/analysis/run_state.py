"""How far a stored run has come: whether it has been scored, and what it lacks. Values, no sentences.

It reads the manifest, asks which files there are, and looks at how greedy answers of an import ended.
"""

from enum import StrEnum

from homog_core.catalogue import DATASETS
from homog_core.records import GREEDY
from homog_core.runs import store
from homog_core.runs.dataset_files import dataset_file
from homog_core.runs.store import Run


class Scored(StrEnum):
    """Whether a run has been scored."""

    YES = "yes"
    OLDER = "older"  # by an older version of this program, so that tables are missing
    NO = "no"


class Lack(StrEnum):
    """Something that a run does not have."""

    ANSWERS = "answers"  # it is being sampled or imported, or that did not end
    SENTENCES = "sentences"  # of a hub dataset that is not on this machine
    ANSWERS_TEXT = "answers_text"  # of a public study, which ships as figures alone
    SCORES = "scores"
    TABLES = "tables"  # it was scored by an older version
    GREEDY = "greedy"  # answers that can be graded, although there are references
    NLI = "nli"  # no NLI model has read the answers


def scored_state(run: Run) -> Scored:
    """Whether a run has been scored, by the tables that there are."""
    if all(map(run.has, store.TABLES)):
        return Scored.YES
    return Scored.OLDER if run.has("scores") else Scored.NO


def lacks(run: Run) -> list[Lack]:
    """What a run does not have, the most important first; nothing where everything is there."""
    scored = scored_state(run)
    found = {
        Lack.ANSWERS: run.provenance.status != "complete",
        Lack.SENTENCES: _lacks_sentences(run),
        Lack.ANSWERS_TEXT: run.lacks_answers,
        Lack.SCORES: scored is Scored.NO,
        Lack.TABLES: scored is Scored.OLDER,
        Lack.GREEDY: lacks_greedy(run),
        Lack.NLI: scored is not Scored.NO and not run.lacks_answers and not _has_nli(run),
    }
    return [lack for lack, is_so in found.items() if is_so]


def lacks_greedy(run: Run) -> bool:
    """Whether an import has references and no greedy answer, which is what is graded against them."""
    if not run.is_imported or run.lacks_answers or not run.questions()["references"].str.len().any():
        return False
    ends = run.responses(["finish_reason"])
    return bool((ends.loc[ends["sample_index"] == GREEDY, "finish_reason"] == "error").all())


def _lacks_sentences(run: Run) -> bool:
    """Whether the run is over a hub dataset that is not on this machine, and does not hold its sentences itself."""
    spec = DATASETS.get(run.identity.dataset)
    return bool(spec and spec.hub and not dataset_file(spec) and (run.questions()["text"] == "").any())


def _has_nli(run: Run) -> bool:
    scores = run.table("scores")
    return scores is not None and any("nli/" in column for column in scores)
