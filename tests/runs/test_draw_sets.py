"""Stored draws: written, read back, and refused where a file says something else."""

import json
from dataclasses import asdict, replace

import pytest

from homog_core import files
from homog_core.runs.draw_sets import DrawSet, StoredDraw, list_draws, write_draws

pytestmark = pytest.mark.usefixtures("no_shipped_runs")

COIN = StoredDraw("coin", ("heads", "tails"), ("Flip.", "Toss."), ((0.5, 0.1), (0.2, 0.2)), (0.0, 0.01))


def a_set(**changes):
    own = {"model": "m", "revision": "r", "dtype": "float32", "prompt_style": "plain", "family": "F", "stage": "base"}
    rest = {"parent": None, "created": "2026-01-01T00:00:00+00:00", "device": "CPU", "draws": (COIN,)}
    return DrawSet(**(own | rest | changes))


def test_what_is_written_reads_back():
    path = write_draws(a_set())
    assert path.parent == files.cache() / "draws"
    assert list_draws() == ([a_set()], [])
    assert write_draws(a_set(created="2026-01-02T00:00:00+00:00")) == path  # the same thing computed again
    assert len(list_draws()[0]) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "n"},
        {"revision": "s"},
        {"dtype": "bfloat16"},
        {"prompt_style": "chat"},
        {"draws": (replace(COIN, wordings=("A.", "B.")),)},
    ],
)
def test_another_model_prompt_or_list_is_another_set(changes):
    assert a_set(**changes).id != a_set().id


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("probabilities", [[0.5, 0.1]]),
        ("probabilities", [[0.5], [0.2]]),
        ("probabilities", [[0.9, 0.9], [0.2, 0.2]]),
        ("probabilities", [[-0.1, 0.1], [0.2, 0.2]]),
        ("probabilities", "none"),
        ("probabilities", [[float("nan"), 0.1], [0.2, 0.2]]),
        ("probabilities", [[float("inf"), 0.1], [0.2, 0.2]]),
        ("pruned", [0.0]),
        ("pruned", [-1.0, 0.0]),
        ("options", ["heads"]),
        ("options", ["heads", "heads"]),
        ("options", None),
    ],
)
def test_a_file_that_does_not_fit_is_left_out_and_named(place, value):
    path = write_draws(a_set())
    content = asdict(a_set())
    content["draws"][0][place] = value
    path.write_text(json.dumps(content))
    assert list_draws() == ([], [path])


@pytest.mark.parametrize("changes", [{"draws": []}, {"draws": [asdict(COIN)] * 2}, {"created": "zzzz"}])
def test_a_set_that_does_not_fit_is_left_out_and_named(changes):
    path = write_draws(a_set())
    path.write_text(json.dumps(asdict(a_set()) | changes))
    assert list_draws() == ([], [path])


def test_another_content_under_the_name_of_a_set_does_not_take_its_place():
    path = write_draws(a_set())
    path.write_text(json.dumps(asdict(a_set(model="somebody else's"))))
    assert list_draws() == ([], [path])


def test_a_file_that_is_no_json_or_too_large_is_left_out_and_named(monkeypatch):
    path = write_draws(a_set())
    path.write_bytes(b"\xff{")
    assert list_draws() == ([], [path])
    path = write_draws(a_set())
    monkeypatch.setattr("homog_core.runs.draw_sets.MOST_BYTES", 10)
    path.touch()
    assert list_draws()[1] == [path]
