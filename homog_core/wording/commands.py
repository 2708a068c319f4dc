"""The commands that we tell people to type. Whoever shows one puts it into type of its own."""

from typing import get_args

from homog_core.catalogue.encoders import DEFAULT_NLI
from homog_core.records import Arithmetic, Identity
from homog_core.typed import first_sample, typed

__all__ = ["draws", "first_sample", "sample_as", "score", "score_by_nli", "study"]


def score(run_id: str) -> str:
    """Score a run that has not been scored, or was scored by an older version."""
    return typed("score", run_id)


def score_by_nli(run_id: str) -> str:
    """Add the scores of an NLI model, which is fetched once."""
    return typed("score", run_id, nli=DEFAULT_NLI)


def study(key: str) -> str:
    """Get the sentences of a public study."""
    return typed("study", "get", key)


def draws(model: str) -> str:
    """Compute how fairly a model draws from lists."""
    return typed("draws", model=model)


def sample_as(run: Identity, *, temperature: float) -> str:
    """Sample as a run was, but at another temperature; its questions are those of a whole question set."""
    own = run.decoding
    return typed(
        "sample",
        model=run.model,
        dataset=run.dataset,
        temperature=f"{temperature:g}",
        samples=own.n_samples,
        top_p=own.top_p if own.top_p < 1 else None,
        max_new_tokens=own.max_new_tokens,
        prompt=run.prompt_style,
        seed=own.seed or None,
        dtype=run.dtype if run.dtype in get_args(Arithmetic) else None,  # of a served model it is not known
    )
