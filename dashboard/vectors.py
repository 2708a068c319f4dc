"""The vectors of a run's answers, read once for everybody who looks, or made where a run ships without them."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.cache import Version, loaded, sentence_encoder
from homog_core.measures.encoders import encode
from homog_core.runs import store
from homog_core.runs.evidence import stored_vectors


def vectors(run: Version, encoder: str, question_id: str) -> dict[str, list[np.ndarray]]:
    """The vectors of a run's answers to one question: as stored, or made now where the run ships without them."""
    stored = _stored(run, encoder)
    if stored is not None:
        return stored_vectors(stored.get(question_id))
    scored = loaded(run)
    answers = [response.answer for response in scored.valid_responses(question_id)]
    return encode(sentence_encoder(encoder), scored.questions.loc[question_id, "text"], answers)


@st.cache_resource(max_entries=48, show_spinner="Reading the vectors of the answers …")
def _stored(run: Version, encoder: str) -> dict[str, pd.DataFrame] | None:
    found = store.open_run(run.run_id).embeddings(encoder)
    return None if found is None else dict(tuple(found.groupby("question_id")))
