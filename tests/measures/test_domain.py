"""Which answers are of the kind that report cards were made from."""

import pytest

from homog_core.measures.domain import domain_of

ENGLISH = "The capital of the country is on the river, and it is not the largest of its cities. "
GERMAN = "Die Hauptstadt liegt an einem Fluss, und sie war nicht immer so alt, wie man es dort gerne sagt. "
DUTCH = "De hoofdstad is een oude stad aan de rivier, en de mensen wonen er graag, of men zegt dat het zo is. "
SPANISH = "La capital está a orillas de un río, y no es la más grande de las ciudades de este país tan bello. "


@pytest.mark.parametrize("text", [GERMAN, DUTCH, SPANISH])
def test_another_language_in_latin_letters(text):
    assert domain_of([text] * 10).is_other_language
    assert not domain_of([text] * 10).holds
    assert domain_of([text]).holds  # too little to tell
    assert domain_of([ENGLISH] * 9 + [text]).holds


def test_english_prose_and_short_facts_are_inside():
    assert domain_of([ENGLISH] * 10) == (10, 0, 0, False)
    assert domain_of(["Mars.", "Wolfgang Amadeus Mozart", "42", "👍", ""] * 30).holds
    assert domain_of([]).holds


def test_length_and_script_count_by_answers():
    long = ENGLISH * 15  # 270 words
    assert domain_of([long, *[ENGLISH] * 9]) == (10, 1, 0, False)
    assert domain_of([long, *[ENGLISH] * 9]).holds
    assert not domain_of([long, long, *[ENGLISH] * 8]).holds
    chinese = domain_of(["中国的首都是北京。"] * 2 + ["Beijing"] * 2)
    assert (chinese.n_other_script, chinese.n_outside, chinese.holds) == (2, 2, False)
