"""Names, order, pairs, chains and obstacles of runs."""

import pytest
from fakes import FAKE_SPEC, FakeEncoder, FakeSampler

from homog_core.analysis import lineage
from homog_core.records import Decoding, ModelSpec, Question
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


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


def run_of(key="model", answers=ANSWERS, stage="base", temperature=1.0, questions=QUESTIONS, family="Fake"):
    spec = ModelSpec(key, FAKE_SPEC.source, family=family, stage=stage)
    decoding = Decoding(n_samples=4, temperature=temperature)
    return score_run(sample_run(FakeSampler(answers, spec), questions, decoding, "plain").id, [FakeEncoder()])


@pytest.fixture
def run():
    return run_of()


def test_runs_are_ordered_named_and_paired():
    base, dpo = run_of("fake-b"), run_of("fake-a-dpo", stage="dpo")
    warm, other = run_of("fake-a-dpo", stage="dpo", temperature=1.5), run_of("other", stage="instruct", family="Other")
    runs = sorted([other, warm, dpo, base], key=lineage.order)
    assert [run.id for run in runs] == [base.id, dpo.id, warm.id, other.id]
    assert list(lineage.names(runs).values()) == [
        "fake-b (base)",
        "fake-a-dpo",
        "fake-a-dpo, T = 1.5",
        "other (instruct)",
    ]
    assert lineage.base_and_aligned(runs) == (base, dpo)
    assert lineage.base_and_aligned([dpo, warm]) is None
    assert lineage.temperature_siblings(warm, runs) == [dpo, warm]
    assert lineage.temperature_siblings(base, runs) == [base]
    assert lineage.temperature_groups([base, warm], runs) == {warm.id: [dpo, warm]}
    assert lineage.temperature_groups([dpo, warm], runs) == {dpo.id: [dpo, warm]}  # one group, once
    assert lineage.at_usual_temperature(runs) == [base, dpo, other]
    assert lineage.at_usual_temperature([warm]) == [warm]


def test_runs_that_look_alike_get_different_names(run):
    again = run_of(questions=QUESTIONS[:3])
    names = lineage.names([run, again])
    assert len(set(names.values())) == 2
    assert all(names[key].endswith(key[-10:]) for key in names)
