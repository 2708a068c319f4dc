"""The bars of draws."""

import numpy as np

from homog_core.figures.draws import Bars, bars


def rows(**changes):
    first = Bars("base", "as if 1.9 of 2", np.array([0.6, 0.4]), "#0072B2")
    second = Bars("dpo", "as if 1.0 of 2", np.array([1.0, 0.0]), "#E69F00", counts=np.array([3, 1]))
    return [first, second]


def test_every_model_has_bars_a_heading_and_a_fair_line():
    figure = bars(("heads", "tails"), rows())
    drawn = [trace for trace in figure.data if trace.type == "bar"]
    assert [list(trace.y) for trace in drawn] == [[0.6, 0.4], [1.0, 0.0]]
    assert [shape.y0 for shape in figure.layout.shapes] == [0.5, 0.5]
    assert [note.text for note in figure.layout.annotations] == [
        "<b>base</b>  as if 1.9 of 2",
        "<b>dpo</b>  as if 1.0 of 2",
    ]


def test_drawn_answers_are_dots_at_their_share():
    (dots,) = (
        trace for trace in bars(("heads", "tails"), rows()).data if trace.type == "scatter" and trace.mode == "markers"
    )
    assert (list(dots.x), list(dots.y)) == (["heads", "tails"], [0.75, 0.25])


def test_a_number_over_a_bar_is_not_struck_through_by_the_fair_line():
    options = [str(i) for i in range(1, 7)]
    figure = bars(options, [Bars("base", "", np.array([0.41, 0.17, 0.12, 0.02, 0.0, 0.28]), "#0072B2")])
    (numbers,) = (trace for trace in figure.data if trace.type == "scatter" and trace.mode == "text")
    fair, label = 1 / 6, 0.17 * figure.layout.yaxis.range[1]
    assert list(numbers.text) == ["41 %", "17 %", "12 %", "2 %", "", "28 %"]
    assert numbers.y[:2] == (0.41, 0.17)
    assert not [y for y in numbers.y if y < fair - 1e-9 < y + label - 1e-9]


def test_an_answer_is_shown_as_text_and_not_as_markup():
    figure = bars(("<b>x</b>", "y"), rows()[:1])
    assert figure.data[0].x[0] == "&lt;b&gt;x&lt;/b&gt;"
    assert "<b>x</b>" not in figure.data[0].hovertext[0].replace("<b>&lt;", "")


def test_a_model_that_names_none_has_empty_bars():
    none = Bars("base", "names none of them", np.zeros(2), "#0072B2")
    assert list(bars(("heads", "tails"), [none]).data[0].y) == [0, 0]


def test_dots_above_every_bar_are_still_in_the_picture():
    early = Bars("dpo", "", np.full(6, 1 / 6), "#E69F00", counts=np.array([0, 0, 0, 0, 0, 2]))
    assert bars([str(i) for i in range(1, 7)], [early]).layout.yaxis.range[1] > 1
