"""A figure that stands alone."""

import plotly.graph_objects as go

from homog_core.figures.titled import WIDTH, enlarged, titled


def figure():
    return go.Figure(go.Scatter(x=[1], y=[2]), {"height": 300, "margin": {"l": 8, "t": 8, "r": 8, "b": 8}})


def test_the_figure_keeps_its_height_under_its_title():
    short, long = (titled(figure(), words, "a recipe", dark=False) for words in ("One", "many words " * 30))
    assert short.layout.width == long.layout.width == WIDTH
    for found in (short, long):
        assert found.layout.height - found.layout.margin.t == 300 - 8
    assert long.layout.height > short.layout.height


def test_the_shown_figure_stays_as_it_is():
    shown = figure()
    titled(shown, "A title", "a recipe", dark=True)
    assert shown.layout.title.text is None
    assert shown.layout.height == 300


def test_an_enlarged_figure_has_larger_type_and_no_height_of_its_own():
    shown = figure().update_layout(legend={"font": {"size": 10}}, annotations=[{"text": "a", "font": {"size": 12}}])
    found = enlarged(shown, 1.5)
    sizes = (found.layout.legend.font.size, found.layout.annotations[0].font.size, found.layout.font.size)
    assert sizes == (15, 18, 18)
    assert found.layout.height is None
    assert (shown.layout.height, shown.layout.legend.font.size) == (300, 10)


def test_words_of_a_model_are_no_markup():
    found = titled(figure(), "<b>bold</b> & more", "<i>x</i>", dark=False)
    assert found.layout.title.text == "&lt;b&gt;bold&lt;/b&gt; &amp; more"
    assert found.layout.title.subtitle.text == "&lt;i&gt;x&lt;/i&gt;"
