"""One way of writing for dates, times, numerals, units and names."""

import pytest
from growth import LINEAR, growth
from hypothesis import given, settings
from hypothesis import strategies as st

from homog_core.measures.spellings import uniform
from homog_core.measures.words import spell_signs


@pytest.mark.parametrize(
    "spellings",
    [
        ("Henry VIII", "henry viii", "Henry 8", "Henry Ⅷ"),
        ("World War II", "World War 2", "World War Two"),
        ("Elizabeth I", "Elizabeth 1"),
        ("King James I with his men", "King James 1 with his men"),
        ("prophase I of meiosis", "prophase 1 of meiosis"),
        ("16th century", "sixteenth century"),
        ("21st", "twenty-first"),
        ("20 July 1969", "20th of July 1969", "1969-07-20", "1969/7/20", "20.07.1969", "20/7/1969", "07/20/1969"),
        ("July 4", "Jul 4", "Jul. 4", "july 4"),
        ("3 pm", "3:00 p.m.", "3 PM", "15:00"),
        ("44 BC", "44 B.C.", "44 BCE"),
        ("5 km", "5km", "five kilometres", "5 kilometers", "5 ㎞"),
        ("100 °C", "100°C", "100 ℃", "100 degrees Celsius"),
        ("10 m²", "10 m^2", "10 square metres"),
        ("$5", "5 USD", "US$5.00", "5 US dollars"),
        ("5 dollars", "5 dollar", "five dollars"),
        ("60 km/h", "60 kilometers per hour"),
        ("2½ hours", "2.5 hours", "two and a half hours"),
        ("1,000,000 people", "1 million people", "10^6 people"),
        ("St. Louis", "Saint Louis"),
        ("U.S.A.", "USA"),
        ("T S Eliot", "T. S. Eliot"),
        ("in March", "in MARCH"),
        ("no-one", "no one", "nobody"),
        ("J. R. R. Tolkien", "J.R.R. Tolkien", "JRR Tolkien"),
        ("F-16", "F16"),
        ("القَاهِرَة", "قاهره"),
        ("Øresund", "Oresund"),
        ("Ankara'dır", "Ankara"),
    ],
    ids=lambda spellings: spellings[0],
)
def test_ways_of_writing_one_thing(spellings):
    assert len({uniform(text) for text in spellings}) == 1, [uniform(text) for text in spellings]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("World War I", "World War II"),
        ("3 am", "3 pm"),
        ("3:30 pm", "3 pm"),
        ("44 BC", "44 AD"),
        ("5 km", "5 m"),
        ("100 °C", "100 °F"),
        ("2.5", "25"),
        ("-5", "5"),
        ("H2O", "CO2"),
        ("50%", "50"),
        ("16th", "16"),
        ("1960s", "1960"),
        ("vitamin A", "vitamin"),
        ("05/06/1999", "5 June 1999"),  # or May
        ("12345678901234567", "12345678901234568"),  # a float holds them alike
    ],
)
def test_what_differs(one, other):
    assert uniform(one) != uniform(other)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("I saw Paris I think", "i saw paris i think"),  # the pronoun
        ("Malcolm X", "malcolm x"),
        ("one of them", "one of them"),
        ("a second chance", "a second chance"),
        ("one third", "0p333333333333"),
        ("in May he may go", "in may he may go"),
        ("the plural of foot", "the plural of foot"),
        ("dollars", "dollars"),
        ("Washington DC", "washington dc"),
        ("a civil word", "a civil word"),  # letters of numerals alone
        ("", ""),
    ],
)
def test_what_stays_as_it_is(text, written):
    assert uniform(text) == written


@pytest.mark.parametrize("names", [("C", "C++", "C#"), ("A", "A*", "A+", "A-"), ("NET", ".NET"), ("AT", "AT&T")])
def test_signs_make_another_name(names):
    assert len({spell_signs(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    "text", ["**A**", "*A* it is", "rock & roll", "1 + 2", "a - b", "e.g. this", "... and", "x++y"]
)
def test_other_signs_stay(text):
    assert spell_signs(text) == text


PARTS = [
    "VIII",
    "July",
    "20",
    "1969",
    "first",
    "pm",
    "3",
    ":",
    "-",
    "½",
    "A.",
    "km",
    "$",
    "百",
    "٣",
    "Dr. ",
    "'dır",
    "I",
]


@settings(deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=8).map(" ".join) | st.text(max_size=30))
def test_every_text_is_written(text):
    assert isinstance(uniform(text), str)


@pytest.mark.parametrize("part", ["VIII ", "A.", "twenty ", "3:", "百", "1,", "I ", "' ", "a-"])
def test_twice_as_long_a_text_takes_twice_as_long(part):
    assert growth(lambda n: (uniform(part * n), spell_signs(part * n)), 5_000) < LINEAR
