"""A text into its sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homog_core.measures.sentences import split_sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["Paris"],
        ["It is Paris, i.e. the capital"],
        ["It is Paris.", "It lies on the Seine!", "Does it?", "Yes"],
        ["It costs 3.5 dollars.", "Pi is 3.14159."],
        ["The U.S. Senate met.", "He left the U.S.", "The rest stayed."],
        ["Dr. Smith and Mrs. J. R. Jones came.", "Then St. Peter spoke."],
        ["J. A. Smith wrote it.", "A man read it."],
        ["Take vitamin C.", "It helps."],
        ["No.", "It is No. 5 of Fig. 3."],
        ["He was born on Aug. 4, 1961, e.g. The Times says so.", "In Hawaii."],
        ["Apples, pears, etc. Rotten ones too.", "We met at 5 p.m.", "They left."],
        ["1. Boil the water.", "2. Add the rice.", "3. Wait 10.", "Then eat."],
        ['He said "Stop."', "Then he (the king) left.)", "**So did she.**", "Nobody stayed."],
        ["Well...", "I think so."],
        ["Yahoo! is a company.", "It is paris. it is big."],
        ["Paris\nRome"],
        ["?!"],
        ["... Paris."],
    ],
)
def test_split_sentences(sentences):
    assert split_sentences("  " + " ".join(sentences) + "\n") == sentences


def test_sentences_of_scripts_without_spaces_and_capitals():
    assert split_sentences("东京是首都。它很大！") == ["东京是首都。", "它很大！"]
    assert split_sentences("Это Москва. Она большая.") == ["Это Москва.", "Она большая."]


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_no_text_has_no_sentences(text):
    assert split_sentences(text) == []


@given(st.text(alphabet='aB1 .!?。\n")-', max_size=40) | st.text(max_size=20))
def test_splitting_loses_nothing_and_makes_nothing_empty(text):
    sentences = split_sentences(text)

    assert "".join("".join(sentences).split()) == "".join(text.split())
    assert all(sentence and sentence == sentence.strip() for sentence in sentences)
    assert [again for sentence in sentences for again in split_sentences(sentence)] == sentences
