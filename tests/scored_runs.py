"""Runs of a fake model, sampled and scored, shared by the tests of analysis and of what is said of it."""

from dataclasses import replace

from fakes import FAKE_SPEC, FakeEncoder, FakeSampler, make_question

from homog_core.analysis.scored_run import ScoredRun
from homog_core.catalogue.models import MODELS
from homog_core.measures.clustering import Clusterer
from homog_core.records import Decoding, ModelSpec, Question
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.runs.store import Run

EXACT = Clusterer("embedding", 0.9, "fake")  # the fake encoder gives equal texts one vector and others nearly none

# Six questions in two categories, four samples each
ANSWERS = {
    "same": ("red fox",),
    "two": ("red fox", "red fox", "blue whale", "red fox"),
    "all": ("red fox", "grey seal", "blue whale", "green frog"),
    "near": ("a red fox ran", "a red fox sat", "a red fox ran", "one blue whale"),
    "one": ("", "", "red fox", ""),  # one valid answer
    "three": ("grey seal", "", "grey seal", "red fox"),
}
QUESTIONS = [
    Question(key, "test", f"What is {key}?", ("red fox",), category="first" if i < 3 else "second")
    for i, key in enumerate(ANSWERS)
]

# Seven and twenty questions with right and wrong greedy answers; the greedy answer is the first one
_GRADED = {
    **{f"right{i}": ("red fox",) * 4 for i in range(3)},
    **{f"wrong{i}": ("grey seal",) * 4 for i in range(3)},
    "spread": ("grey seal", "blue whale", "green frog", "red fox"),
}
_MANY = {
    **{f"r{i}": ("red fox", "red fox", "red fox", "blue whale")[: 2 + i % 3] for i in range(8)},
    **{f"w{i}": ("grey seal", "blue whale", "green frog", "red fox")[: 1 + i % 4] for i in range(12)},
}

# Three questions, answered by a base model and by one made from it, three samples each
THREE_QUESTIONS = [make_question(f"q{n}") for n in range(3)]
BASE = {"q0": ("a fox", "a seal", "a whale"), "q1": ("a fox", "a fox", "a seal"), "q2": ("a fox",)}
DPO = {"q0": ("a fox",), "q1": ("a fox", "a seal", "a whale"), "q2": ("a seal",)}


def run_of(key="model", answers=ANSWERS, stage="base", temperature=1.0, questions=QUESTIONS, family="Fake") -> Run:
    """Sampled and scored."""
    spec = ModelSpec(key, FAKE_SPEC.source, family=family, stage=stage)
    decoding = Decoding(n_samples=4, temperature=temperature)
    return score_run(sample_run(FakeSampler(answers, spec), questions, decoding, "plain").id, [FakeEncoder()])


def graded_run() -> ScoredRun:
    """Three right and four wrong answers; six of the questions have a single cluster."""
    questions = [Question(key, "test", f"What is {key}?", ("red fox",)) for key in _GRADED]
    return ScoredRun(run_of(answers=_GRADED, questions=questions))


def many_run() -> ScoredRun:
    """Eight right and twelve wrong answers, enough to fit a cascade on."""
    questions = [Question(key, "test", f"What {'big ' * (i % 5)}{key}?", ("red fox",)) for i, key in enumerate(_MANY)]
    return ScoredRun(run_of(answers=_MANY, questions=questions))


def sampled(
    key="base", answers=BASE, questions=THREE_QUESTIONS, style="plain", stage="base", family="Fake", **decoding
) -> Run:
    """Sampled, not scored; a key of the catalogue takes its own place in a family."""
    spec = MODELS.get(key) or replace(FAKE_SPEC, key=key, stage=stage, family=family)
    return sample_run(FakeSampler(answers, spec), questions, Decoding(**{"n_samples": 3} | decoding), style)


def scored(*args, **kwargs) -> ScoredRun:
    """As `sampled`, and scored."""
    return ScoredRun(score_run(sampled(*args, **kwargs).id, [FakeEncoder()]))
