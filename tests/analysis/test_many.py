"""Many runs at once: sorted, by size, what they share, and how they are chosen."""

import numpy as np
import pandas as pd
import pytest
from fakes import FakeEncoder, FakeSampler
from scored_runs import BASE, DPO, EXACT, THREE_QUESTIONS, run_of, scored

from homog_core.analysis.joint import joint_similarity
from homog_core.analysis.many import (
    MOST_QUESTIONS,
    asked_of_all,
    groups,
    model_rows,
    same_answers,
    same_in_all,
    size_series,
    size_tests,
)
from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures.clustering import Clusterer
from homog_core.measures.encoders import encode, encode_view
from homog_core.records import Decoding, ModelSpec, Question
from homog_core.runs.evidence import stored_vectors
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


def sized(key, answers, n, family="F", questions=THREE_QUESTIONS, stage="instruct"):
    """A scored run of a model with that many parameters."""
    spec = ModelSpec(key, "nobody/fake", family=family, stage=stage, n_parameters=n)
    run = sample_run(FakeSampler(answers, spec), questions, Decoding(n_samples=4), "plain")
    return ScoredRun(score_run(run.id, [FakeEncoder()]))


def test_the_highest_rate_stands_first():
    runs = {"base": sized("base", BASE, None), "dpo": sized("dpo", DPO, 7e9, stage="dpo")}
    frame = model_rows(runs, EXACT)
    assert frame["label"].tolist() == ["dpo", "base"]
    dpo, base = frame.to_dict("records")
    assert (dpo["value"], dpo["n_single"], base["value"]) == (pytest.approx(2 / 3), 2, pytest.approx(1 / 3))
    # of four samples: base says a fox, a seal, a whale, a fox (1 of 6 pairs), a fox ×3 and a seal (3 of 6), one (all)
    assert base["same_value"] == pytest.approx((1 / 6 + 3 / 6 + 1) / 3)
    assert (dpo["family"], dpo["n_parameters"], dpo["stage"]) == ("F", 7e9, "dpo")
    assert np.isnan(base["n_parameters"])


def test_sizes_are_compared_within_a_family_and_stage():
    many = [Question(f"m{n}", "test", f"What is {n}?") for n in range(12)]
    one = {question.id: ("a fox",) for question in many}
    several = {question.id: ("a fox", "a seal", "a whale") for question in many}
    runs = {
        "large": sized("large", one, 27e9, questions=many),
        "small": sized("small", several, 2e9, questions=many),
        "other": sized("other", one, 3e9, "G", many),
        "unknown": sized("unknown", one, None, questions=many),
        "base": sized("base", one, 70e9, questions=many, stage="base"),
    }
    assert size_series({label: found.run for label, found in runs.items()}) == {"F": ["small", "large"]}
    (test,) = size_tests(runs, EXACT)
    assert (test.small, test.large) == ("small", "large")
    assert test.pvalue == pytest.approx(2 / 2**12)
    assert size_tests({"large": runs["large"]}, EXACT) == []


def test_families_that_are_compared_together_share_their_error():
    many = [Question(f"m{n}", "test", f"What is {n}?") for n in range(6)]
    answers = {True: ("a fox",), False: ("a fox", "a seal")}
    runs = {
        f"{family}{size}": sized(f"{family}{size}", {q.id: answers[size > 1] for q in many}, size, family, many)
        for family in "FG"
        for size in (1, 2)
    }
    assert [test.pvalue for test in size_tests(runs, EXACT)] == pytest.approx([4 / 2**6] * 2)


def test_what_models_share_is_by_their_clusters_together():
    runs = [scored("base"), scored("dpo", DPO)]
    tables = []
    for key in ("q0", "q1", "q2"):
        vectors = [stored_vectors(dict(tuple(s.run.embeddings("fake").groupby("question_id")))[key]) for s in runs]
        tables.append(same_answers(runs, key, joint_similarity(runs, key, EXACT, vectors), EXACT))
    # q0: fox, seal, whale against fox thrice; q1: fox, fox, seal against fox, seal, whale; q2: fox against seal
    assert [table[0, 1] for table in tables] == pytest.approx([1 / 3, 2 / 9 + 1 / 9, 0])
    assert [table[0, 0] for table in tables] == pytest.approx([0, 1 / 3, 1])
    assert np.isnan(same_answers(runs, "q0", np.zeros((0, 0)), EXACT)).all()


CLUSTERERS = [
    Clusterer("jaccard", 0.4),
    Clusterer("jaccard", 0.4, rule="first_member"),
    Clusterer("embedding", 0.5, "fake"),
    Clusterer("embedding_masked", 0.5, "fake"),
]


def silent(what, done, total):
    """Nobody is told how far it is."""


@pytest.mark.parametrize("by", CLUSTERERS, ids=lambda by: f"{by.key}-{by.rule}")
def test_what_models_share_is_the_same_question_by_question_and_kept(by):
    runs, ids, encoder = [scored("base"), scored("dpo", DPO)], ["q0", "q1", "q2"], FakeEncoder()
    expected = []
    for key in ids:
        text = runs[0].questions.loc[key, "text"]
        vectors = [encode(encoder, text, one.valid_answers(key)) for one in runs]
        expected.append(same_answers(runs, key, joint_similarity(runs, key, by, vectors), by))
    for _ in range(2):
        found = same_in_all(runs, ids, by, lambda _, *given: encode_view(encoder, *given), silent)
        np.testing.assert_array_equal(found, expected)


def test_what_models_share_is_computed_again_when_the_questions_arrive():
    runs, asked = [scored("base"), scored("dpo", DPO)], []

    def vectors(question_id, question, answers, view):
        asked.append(question)
        return encode_view(FakeEncoder(), question, answers, view)

    texts = runs[0].questions["text"].copy()
    runs[0].questions["text"] = ""  # as of a stripped run where the dataset is not
    same_in_all(runs, ["q0"], CLUSTERERS[-1], vectors, silent)
    runs[0].questions["text"] = texts
    for _ in range(2):
        same_in_all(runs, ["q0"], CLUSTERERS[-1], vectors, silent)
    assert asked == ["", texts["q0"]]


def test_many_questions_are_drawn_evenly_from_those_of_all():
    class Asked:
        def __init__(self, ids):
            self.questions = pd.DataFrame({"id": ids, "category": "c"}, index=ids)

        def in_category(self, category):
            return np.ones(len(self.questions), dtype=bool)

    everything = [f"q{n}" for n in range(1000)]
    found = asked_of_all([Asked(everything), Asked(everything[10:])])
    assert (len(found), found[0], found[-1]) == (MOST_QUESTIONS, "q10", "q999")
    assert len(set(found)) == MOST_QUESTIONS
    assert asked_of_all([Asked(["b", "a"]), Asked(["a", "b", "c"])]) == ["b", "a"]
    assert asked_of_all([Asked(["b"]), Asked(["a"])]) == []


def test_runs_are_chosen_by_family_and_all_at_once():
    runs = [
        run_of(key, BASE, questions=THREE_QUESTIONS, family=family)
        for key, family in (("a", "Big, One"), ("b", "Big, One"), ("c", "Other"))
    ]
    found = groups(runs, {"unknown"})
    assert {key: (name, [run.identity.model for run in own]) for key, (name, own) in found.items()} == {
        "all": ("", ["a", "b", "c"]),
        "family-big--one": ("Big, One", ["a", "b"]),  # a key without a comma, which separates keys in a URL
    }
    assert list(groups(runs, {runs[0].id, runs[2].id})) == ["all", "usual", "family-big--one"]
