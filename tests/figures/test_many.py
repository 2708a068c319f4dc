"""Many models at once, read through traces and layout."""

import numpy as np
import pandas as pd

from homog_core.figures.many import by_size, pair_matrix
from homog_core.figures.series import run_series
from homog_core.figures.theme import INK

NAN = float("nan")
VALUES = np.array([[0.5, 0.1], [0.1, NAN]])
HOVERS = [["a", "a, b"], ["b, a", "b"]]


def matrix(values=VALUES, names=("a", "b"), hovers=HOVERS, **options):
    return pair_matrix(values, names, hovers, "chance", **{"dark": False} | options)


def test_a_cell_has_its_number_in_an_ink_that_is_read_there():
    figure = matrix()
    heat, *texts = figure.data
    assert (heat.zmin, heat.zmax) == (0, 0.5)  # the next of a quarter, a half and the whole
    written = {(x, y): (text, t.textfont.color) for t in texts for x, y, text in zip(t.x, t.y, t.text, strict=True)}
    assert written == {
        (0, 0): ("50", "#ffffff"),
        (1, 0): ("10", INK[False]),
        (0, 1): ("10", INK[False]),
    }  # none where nothing is known
    assert figure.layout.yaxis.autorange == "reversed"


def test_models_are_numbered_and_untrusted_names_are_escaped():
    figure = matrix(names=("<b>a</b>", "b" * 60), hovers=[["<i>x", "y"], ["y", "z"]])
    assert figure.layout.yaxis.ticktext[0] == "&lt;b&gt;a&lt;/b&gt;  1"
    assert len(figure.layout.yaxis.ticktext[1]) < 50
    assert figure.layout.xaxis.ticktext == (1, 2)
    assert figure.data[0].hovertext[0][0] == "<b>&lt;i&gt;x</b>"


def test_a_matrix_grows_with_its_models_and_a_phone_gets_colours_alone():
    many = np.full((24, 24), 0.2)
    hovers = [["x"] * 24] * 24
    names = [f"m{n}" for n in range(24)]
    wide, narrow = (matrix(many, names, hovers, narrow=narrow, whole=True) for narrow in (False, True))
    assert wide.data[0].zmax == 1
    assert wide.layout.height > matrix().layout.height + 20 * 22
    assert len(narrow.data) == 1


def test_groups_are_parted_by_lines():
    assert [shape.x0 for shape in matrix(edges=[1]).layout.shapes if shape.x0 == shape.x1] == [0.5]


def test_sizes_are_on_a_log_scale_in_words():
    frame = pd.DataFrame(
        {"series": ["f", "f"], "x": [27e9, 2e9], "value": [0.3, 0.1], "low": 0.05, "high": 0.4, "hover": "said"}
    )
    figure = by_size(frame, run_series(["f"], ["instruct"]))
    assert figure.data[0].x.tolist() == [2e9, 27e9]
    assert figure.data[0].error_y.array[0] > 0
    assert figure.layout.xaxis.type == "log"
    assert {"3 B", "10 B"} <= set(figure.layout.xaxis.ticktext)
