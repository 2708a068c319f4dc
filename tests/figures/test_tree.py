"""The picture of a tree of answers."""

import numpy as np
import pandas as pd

from homog_core.figures.tree import tree

COLUMNS = ["id", "parent", "text", "path", "n", "entropy", "is_end", "is_leaf"]
FRAME = pd.DataFrame(
    [
        (0, -1, "", "", 3, 1.0, False, False),
        (1, 0, "New <b>York", "New <b>York", 2, 9.0, False, False),
        (2, 0, "Boston", "Boston", 1, np.nan, False, True),
        (3, 1, "", "New <b>York", 1, np.nan, True, True),
        (4, 1, " City", "New <b>York City", 1, 0.5, False, True),
    ],
    columns=COLUMNS,
)


def test_widths_colours_and_texts_are_those_of_the_table():
    (trace,) = tree(FRAME, dark=False).data
    assert list(trace.parents) == ["", "0", "0", "1", "1"]
    assert list(trace["values"]) == [3, 2, 1, 1, 1]
    assert list(trace.marker.colors) == [1.0, 4.0, 0.0, 0.0, 0.5]
    assert list(trace.labels) == ["3 answers", "New &lt;b&gt;York", "Boston", "(ends)", "City"]
    assert "as if 2.7 equally likely tokens" in trace.hovertext[0]
    assert "<b>York" not in trace.hovertext[1].replace("<b>New", "")
    assert "nats" not in trace.hovertext[2]


def test_on_a_phone_it_grows_downwards():
    (trace,) = tree(FRAME, dark=True, narrow=True).data
    assert trace.tiling.orientation == "v"


def test_a_label_is_cut_to_what_its_box_holds():
    long = FRAME.assign(text=FRAME["text"] + " and so on" * 20)
    (wide,), (narrow,) = (tree(long, dark=False, narrow=phone).data for phone in (False, True))
    assert {len(label) for label in wide.labels if label != "(ends)"} <= {33, 34, 40}  # 104 characters, three levels
    assert wide.labels[2].endswith("…")
    assert len(narrow.labels[2]) <= 18  # a third of 56 characters


def test_what_all_answers_share_stands_in_the_first_box():
    (trace,) = tree(FRAME.assign(text=["It is ", *FRAME["text"][1:]]), dark=False).data
    assert trace.labels[0] == "3 answers: It is"
