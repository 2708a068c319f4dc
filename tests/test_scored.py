"""A scored run in memory: what is stored, what follows a threshold, and search."""

import pandas as pd
import pytest
from conftest import FakeEncoder, FakeSampler, make_question

from homog_core.pipeline import sample_run
from homog_core.records import Decoding
from homog_core.scored import ScoredRun
from homog_core.scoring import score_run

pytestmark = pytest.mark.usefixtures("no_shipped_runs")

DECODING = Decoding(n_samples=4)
QUESTIONS = [make_question(name) for name in ("mixed", "same", "single", "empty")]
ANSWERS = {
    "mixed": ("red fox", "red fox", "blue whale", "red fox"),
    "same": ("green frog",),
    "single": ("", "", "grey seal", ""),  # one valid response
    "empty": ("",),
}


@pytest.fixture
def run():
    return sample_run(FakeSampler(ANSWERS), QUESTIONS, DECODING, "plain")


def test_cluster_frame_at_the_default_thresholds_is_what_is_stored(run):
    scored = ScoredRun(score_run(run.id, [FakeEncoder()]))
    clusterers = scored.clusterers()
    assert {clusterer.key for clusterer in clusterers} == {"jaccard", "embedding/fake", "embedding_masked/fake"}
    stored = run.table("scores").set_index("question_id")
    for clusterer in clusterers:
        frame = scored.cluster_frame(clusterer)
        for name in ("num_semantic_sets", "discrete_semantic_entropy"):
            expected = stored[f"{name}@{clusterer.key}"]
            pd.testing.assert_series_equal(frame[name], expected, check_names=False)


def test_answers_and_coordinates_of_a_question(run):
    scored = ScoredRun(score_run(run.id, [FakeEncoder()]))
    assert [response.text for response in scored.answers("mixed").responses] == list(ANSWERS["mixed"])
    assert scored.answers("mixed").greedy.text == "red fox"
    assert scored.valid("single") == [2]
    jaccard = next(clusterer for clusterer in scored.clusterers() if clusterer.key == "jaccard")
    assert list(scored.coordinates("mixed", jaccard, "umap")["method"]) == ["mds"] * 4  # two distinct answers


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("BLUE wh", {"mixed"}),
        ("what is same", {"same"}),
        ("single", {"single"}),
        ("(", set()),
        ("", {"mixed", "same", "single", "empty"}),
    ],
)
def test_search_in_questions_and_answers(run, words, found):
    assert ScoredRun(run).search(words) == found
