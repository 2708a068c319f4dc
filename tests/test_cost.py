"""The benchmark of how cost grows: its fit, its drawing, and each of its pieces at the smallest size."""

from xml.etree import ElementTree

import pytest

from benchmarks import cost
from benchmarks.cost import MadeUp, _sampling, _scoring, store
from benchmarks.cost_plot import Series, drawing, exponent

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_is_that_power(power):
    sizes = [5, 10, 20, 40, 80]
    assert exponent(sizes, [3.0 * n**power for n in sizes]) == pytest.approx(power)


def test_the_exponent_is_that_of_the_larger_half():
    # two constant seconds at first, then proportional to the size; the middle counts
    assert exponent([1, 2, 4, 8, 16], [4.0, 4.0, 4.0, 8.0, 16.0]) == pytest.approx(1.0)
    assert exponent([1, 2, 4, 8], [9.0, 4.0, 8.0, 16.0]) == pytest.approx(1.0)


def test_the_exponent_is_the_line_of_least_squares():
    # the larger half, by logarithms to base 2: (0, 0), (1, 1), (2, 3), whose line of least squares has the slope 3/2
    assert exponent([1, 1, 1, 2, 4], [7.0, 7.0, 1.0, 2.0, 8.0]) == pytest.approx(1.5)


def test_a_panel_has_its_axis_its_exponent_and_a_line_of_one_scale():
    tree = ElementTree.fromstring(drawing([Series("Scoring", "questions", (10, 100), (0.1, 1.0))]))
    words = [text.text for text in tree.iter(f"{SVG}text")]
    assert {"Scoring", "questions", "exponent 1.00", "10", "100", "100 ms", "1 s"} <= set(words)
    first, last = (tuple(map(float, at.split(","))) for at in tree.find(f".//{SVG}polyline").get("points").split())
    assert last[0] - first[0] == pytest.approx(first[1] - last[1])  # y goes down: 45 degrees is linear


def test_vectors_are_of_the_text_alone():
    encoder = MadeUp("minilm")
    both = encoder.encode(["a", "b"])
    assert (both**2).sum(axis=1) == pytest.approx(1.0)
    assert (encoder.encode(["b"])[0] == both[1]).all()
    assert encoder.encode([]).shape == (0, 256)


def test_the_pieces_run(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMOG_CACHE", str(tmp_path))
    monkeypatch.setattr(cost, "ROUNDS", 1)
    assert _sampling(n_questions=1, n_samples=2, vocabulary=64) > 0
    assert _scoring(n_questions=2, n_answers=3) > 0
    listed, new, kept = store((1, 2))
    assert (listed.title, new.title, kept.title) == ("List of runs", "Rates by run, new", "Rates by run, kept")
    assert all(seconds > 0 for one in (listed, new, kept) for seconds in one.seconds)
    assert min(kept.seconds) < min(new.seconds)
