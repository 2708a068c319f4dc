"""The command `map`."""

import pytest
from fakes import FakeSampler, make_question

from homog_core.cli import main
from homog_core.records import Decoding
from homog_core.runs.answer_maps import list_maps
from homog_core.runs.sample import sample_run


@pytest.fixture
def other():
    questions = [make_question("one"), make_question("two")]
    same = FakeSampler({"one": ("red fox",), "two": ("green frog",)})
    return sample_run(same, questions, Decoding(3, seed=1), "plain")


def test_a_map_of_two_runs_is_stored_and_described(call, run, other):
    # run: "red fox" to one; three texts to two. other: one text to each. Four different texts in all.
    (row,) = call("map", run.id, other.id)
    ((found,), unread) = list_maps()
    assert unread == []
    assert row == {
        "map": found.header.id,
        "runs": 2,
        "points": 6,
        "different texts": 4,
        "encoder": "fake",
        "trustworthiness": None,
        "file": row["file"],
    }
    assert row["file"].endswith(f"maps/{found.header.id}.parquet")
    assert {source.run_id for source in found.header.sources} == {run.id, other.id}


def test_a_run_named_twice_is_one(call, run):
    (row,) = call("map", run.id, run.id)
    assert (row["runs"], row["points"]) == (1, 4)


def test_runs_that_do_not_go_together_are_refused(run, capsys):
    questions = [make_question("one"), make_question("two")]
    five = sample_run(FakeSampler({"one": ("red fox",), "two": ("seal",)}), questions, Decoding(5), "plain")
    assert main(["map", run.id, five.id]) == 2
    assert "another number of answers a question" in capsys.readouterr().err
    assert main(["map", "nonsense"]) == 2
    assert "no run 'nonsense'" in capsys.readouterr().err
    assert list_maps() == ([], [])
