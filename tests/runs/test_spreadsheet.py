"""CSV that a spreadsheet opens: no cell and no column name runs as a formula."""

import csv
import io

import pandas as pd
import pytest

from homog_core.runs.spreadsheet import csv_bytes

FORMULAS = ["=cmd|' /C calc'!A0", "+1", "-1+2", "@SUM(A1)", "\t=1", "＝1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_like_a_formula_gets_an_apostrophe_wherever_it_stands(text):
    frame = pd.DataFrame({"answer": [text, "-"], text: [0.5, -0.25]})
    header, *rows = csv.reader(io.StringIO(csv_bytes(frame).decode()))
    assert header == ["answer", f"'{text}"]
    assert rows == [[f"'{text}", "0.5"], ["'-", "-0.25"]]  # a number stays a number


def test_texts_that_are_none_and_lists_stay():
    frame = pd.DataFrame({"a": ["1 = 1", None], "b": [["=1"], ["x"]], "n": [1, -2]})
    assert csv_bytes(frame).decode() == '"a","b","n"\n"1 = 1","[\'=1\']",1\n"","[\'x\']",-2\n'
