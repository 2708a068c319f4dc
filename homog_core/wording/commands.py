"""The commands that we tell people to type. Whoever shows one puts it into type of its own."""

from homog_core.catalogue.encoders import DEFAULT_NLI

PROGRAM = "python -m homog_core"


def score(run_id: str) -> str:
    """Score a run that has not been scored, or was scored by an older version."""
    return f"{PROGRAM} score {run_id}"


def score_by_nli(run_id: str) -> str:
    """Add the scores of an NLI model, which is fetched once."""
    return f"{PROGRAM} score {run_id} --nli {DEFAULT_NLI}"


def study(key: str) -> str:
    """Get the sentences of a public study."""
    return f"{PROGRAM} study get {key}"


def sample(model: str, dataset: str, *, temperature: float | None = None) -> str:
    """Sample a model's answers to a question set."""
    at = "" if temperature is None else f" --temperature {temperature:g}"
    return f"{PROGRAM} sample --model {model} --dataset {dataset}{at}"
