"""What models share, computed question by question in the background: leaving the page loses nothing."""

from collections.abc import Sequence

import numpy as np

from dashboard.background import computed
from dashboard.cache import sentence_encoder
from dashboard.tax.selection import Selection
from homog_core.analysis import lineage
from homog_core.analysis.joint import Vectors, has_vectors, joint_clusterer
from homog_core.analysis.many import asked_of_all, same_in_all
from homog_core.analysis.scored_run import ScoredRun
from homog_core.catalogue.encoders import ENCODERS
from homog_core.measures.clustering import Clusterer
from homog_core.measures.encoders import encode_view
from homog_core.progress import OnProgress
from homog_core.runs.evidence import stored_vectors
from homog_core.statistics.between_models import BetweenModels, between_models


def joint_by(chosen: Selection) -> Clusterer:
    """What compares answers of different models: the chosen clusterer, or the nearest one that can."""
    runs = list(chosen.views.values())
    has_text = all(scored.questions["text"].astype(bool).all() for scored in runs)
    return joint_clusterer(runs, chosen.clusterer, tuple(ENCODERS) if has_text else ())


def between(chosen: Selection, by: Clusterer, ids: Sequence[str]) -> BetweenModels | None:
    """What the chosen models share on some questions; None, with a bar, until it has been computed."""
    runs, versions = list(chosen.views.values()), tuple(chosen.versions.values())

    def compute(on_progress: OnProgress) -> BetweenModels:
        tables = same_in_all(runs, ids, by, _vectors(runs, by), on_progress)
        return between_models(tables, [lineage.family(scored.run) for scored in runs])

    return computed(("between", versions, by, tuple(ids)), compute)


def asked(chosen: Selection) -> list[str]:
    """The questions that it is about."""
    return asked_of_all(list(chosen.views.values()), chosen.category)


def _vectors(runs: Sequence[ScoredRun], by: Clusterer) -> Vectors:
    """Vectors of answers: as all runs have stored them, or made now where some ship without them."""
    stored = [scored.run.embeddings(by.encoder) for scored in runs] if has_vectors(by) else []
    if not stored or any(frame is None for frame in stored):
        return lambda _, question, answers, view: encode_view(sentence_encoder(by.encoder), question, answers, view)
    frames = [dict(tuple(frame.groupby("question_id"))) for frame in stored]

    def of_stored(question_id: str, question: str, answers: Sequence[str], view: str) -> list[np.ndarray]:
        texts = [answer for scored in runs for answer in scored.valid_answers(question_id)]
        found = [own for frame in frames for own in stored_vectors(frame.get(question_id))[view]]
        if len(found) != len(texts):  # stored vectors that do not go with the answers
            return encode_view(sentence_encoder(by.encoder), question, answers, view)
        if len(answers) == len(texts):
            return found
        known = dict(zip(reversed(texts), reversed(found), strict=True))  # the first of equal answers
        return [known[answer] for answer in answers]

    return of_stored
