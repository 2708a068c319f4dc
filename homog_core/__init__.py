"""Response homogenization: sample a language model's answers, cluster them by meaning, score the uncertainty.

What a notebook needs is here by name (`docs/library.md`). A name is imported when it is first used, so that
`import homog_core` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homog_core.analysis.compare import compare
    from homog_core.analysis.scored_run import ScoredRun
    from homog_core.measures.clustering import Clusterer
    from homog_core.measures.encoders import SentenceEncoder
    from homog_core.records import Decoding, Question
    from homog_core.runs.questions import load_questions
    from homog_core.runs.sample import sample_run
    from homog_core.runs.score import score_run
    from homog_core.runs.store import list_runs, open_run
    from homog_core.sampling.engine import TorchSampler
    from homog_core.sampling.weights import find_model

_MODULES = {
    "Clusterer": "measures.clustering",
    "Decoding": "records",
    "Question": "records",
    "ScoredRun": "analysis.scored_run",
    "SentenceEncoder": "measures.encoders",
    "TorchSampler": "sampling.engine",
    "compare": "analysis.compare",
    "find_model": "sampling.weights",
    "list_runs": "runs.store",
    "load_questions": "runs.questions",
    "open_run": "runs.store",
    "sample_run": "runs.sample",
    "score_run": "runs.score",
}
__all__ = [
    "Clusterer",
    "Decoding",
    "Question",
    "ScoredRun",
    "SentenceEncoder",
    "TorchSampler",
    "compare",
    "find_model",
    "list_runs",
    "load_questions",
    "open_run",
    "sample_run",
    "score_run",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
