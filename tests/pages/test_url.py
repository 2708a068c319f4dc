"""The state of a page in its URL: what is put there, what comes back, and that one module does it."""

import re

import pytest
from fakes import TIMEOUT
from page_testing import SHIPPED, in_url, open_page
from streamlit.testing.v1 import AppTest

from homog_core.files import PROJECT


def fruit():
    import streamlit as st

    from dashboard import url

    url.fill(colour="red")
    one = url.choice("Fruit", ["apple", "pear", "plum"], "one", default="pear")
    some = url.choices("Fruits", ["apple", "pear", "plum"], "some", 2, ["plum", "pear"])
    size = url.number("Size", "size", 0.5, 0.0, 1.0, 0.1)
    part = url.segments("Part", ["peel", "core"], "part")
    st.button("Plums alone", on_click=lambda: url.put(one="plum", some=None, size=None))
    st.text(f"{one} {'+'.join(some)} {size} {part} {url.get('colour')}")


def open_fruit(**params):
    app = AppTest.from_function(fruit, default_timeout=TIMEOUT)
    app.query_params.update(params)
    return app.run()


def test_without_parameters_everything_has_its_default_and_the_url_stays_as_it_is():
    app = open_fruit()

    assert app.text[0].value == "pear plum+pear 0.5 peel red"
    assert set(app.query_params) == {"colour"}


def test_parameters_say_what_is_chosen():
    app = open_fruit(one="apple", some="pear,apple", size="0.25", part="core", colour="blue")

    assert app.text[0].value == "apple pear+apple 0.25 core blue"
    assert not app.warning


def test_what_is_chosen_goes_into_the_url():
    app = open_fruit()
    app.selectbox[0].set_value("plum")
    app.multiselect[0].set_value(["apple", "plum"])
    app.slider[0].set_value(0.75)
    app.segmented_control[0].set_value("core").run()

    assert app.text[0].value == "plum apple+plum 0.75 core red"
    assert [in_url(app, name) for name in ("one", "some", "size", "part")] == ["plum", "apple,plum", "0.75", "core"]


def test_several_parameters_are_set_and_taken_away_at_once():
    app = open_fruit(one="apple", some="apple", size="0.1")
    app.button[0].click().run()

    assert app.text[0].value == "plum plum+pear 0.5 peel red"
    assert set(app.query_params) == {"one", "colour"}


def two_parts():
    import streamlit as st

    from dashboard import url

    with url.remembered("parts"):
        part = url.segments("Part", ["peel", "core"], "part")
        st.button("Plums alone", on_click=lambda: url.put(one="plum"))
        st.button("Draw again", on_click=url.rerun)
        st.text(f"{part} {url.get('one', 'pear')}")


def ask_with(app, **params):
    """What a browser does that has not seen the last answer, or that has gone back or followed a link."""
    app.query_params.clear()
    app.query_params.update(params)
    return app


@pytest.mark.parametrize("button", [0, 1], ids=["another click", "a part that draws the page again"])
def test_what_was_just_clicked_outlives_a_request_that_was_sent_before_the_answer(button):
    app = ask_with(AppTest.from_function(two_parts, default_timeout=TIMEOUT), part="core").run()
    app.segmented_control[0].set_value("peel").run()
    ask_with(app, part="core").button[button].click().run()

    assert app.text[0].value == ("peel plum" if button == 0 else "peel pear")
    assert in_url(app, "part") == "peel"

    ask_with(app, part="core").button[0].click().run()  # and one more
    assert app.text[0].value == "peel plum"


def test_a_link_back_to_where_one_was_is_followed():
    app = ask_with(AppTest.from_function(two_parts, default_timeout=TIMEOUT), part="core").run()
    app.segmented_control[0].set_value("peel").run()
    ask_with(app, part="core").run()
    assert app.text[0].value == "core pear"

    ask_with(app, part="core").button[0].click().run()
    assert app.text[0].value == "core plum"


@pytest.mark.parametrize(
    ("asked", "shown", "left"),
    [
        ("apple,apple", "apple", "apple"),
        ("kiwi,apple", "apple", "apple"),
        ("kiwi", "plum+pear", "plum,pear"),
        ("plum,pear,apple", "plum+pear", "plum,pear"),  # at most two
        (",", "", ""),
    ],
)
def test_of_several_ids_the_known_ones_stay(asked, shown, left):
    app = open_fruit(some=asked)

    assert app.text[0].value.split(" ")[1] == shown
    assert in_url(app, "some").strip(",") == left
    assert [warning.value for warning in app.warning] == ["Fruits: kiwi is not among the 3 there are."] * (
        "kiwi" in asked
    )


def test_a_page_that_is_come_back_to_has_the_parameters_that_it_had():
    app = open_page("runs", run=SHIPPED[1])
    app.query_params.clear()
    app.switch_page("pages/methods.py").run()
    assert app.title[0].value == "Methods"
    assert not app.query_params
    app.switch_page("pages/runs.py").run()

    assert in_url(app, "run") == SHIPPED[1]


def test_a_link_into_a_page_counts_more_than_what_the_page_had():
    app = open_page("runs", run=SHIPPED[1])
    app.query_params.clear()
    app.switch_page("pages/methods.py").run()
    app.query_params["run"] = SHIPPED[2]
    app.switch_page("pages/runs.py").run()

    assert in_url(app, "run") == SHIPPED[2]


def test_only_one_module_reads_and_writes_the_url():
    paths = [PROJECT / "app.py", *PROJECT.glob("pages/*.py"), *PROJECT.glob("dashboard/**/*.py")]
    own = re.compile(r"st\.query_params|query_params\[")

    assert [path.name for path in paths if own.search(path.read_text(encoding="utf-8"))] == ["url.py"]
