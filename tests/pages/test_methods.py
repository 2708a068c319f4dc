"""Methods under AppTest: words, search and the two sliders."""

import pytest
from page_testing import button, open_page, words

from dashboard import handbook

TERMS = handbook.glossary().terms


def test_every_word_and_every_section_is_there():
    app = open_page("methods")

    assert not app.exception
    assert app.title[0].value == "Methods"
    assert [element.value for element in app.subheader] == [term.name for term in TERMS]
    assert [e.label.partition(" — ")[0] for e in app.expander] == [section.title for section in handbook.methods()]
    assert "Limits" in [element.value for element in app.header]
    assert "[arXiv:2603.24124](https://arxiv.org/abs/2603.24124)" in words(app)


@pytest.mark.parametrize("name", ["auroc", "AUROC", "scr", "single-cluster-rate"])
def test_a_word_can_be_linked_to(name):
    app = open_page("methods", term=name)

    assert not app.exception
    assert len(app.subheader) == 1
    assert app.code  # the example as it is run


def test_all_words_come_back():
    app = open_page("methods", term="auroc")
    button(app, "Show all words").click().run()

    assert len(app.subheader) == len(TERMS)
    assert "term" not in app.query_params


def test_search_finds_words_and_sections():
    app = open_page("methods", q="newcombe")

    assert not app.exception
    assert not app.subheader
    assert [e.label.partition(" — ")[0] for e in app.expander] == [
        "Statistics of a run",
        "Two runs over the same questions",
    ]
    app.text_input(key="q").set_value("jaccard index").run()
    assert "Similarity" in [element.value for element in app.subheader]
    app.text_input(key="q").set_value("zzqq").run()
    assert "No word matches" in words(app)
    assert "No section matches" in words(app)
    app.text_input(key="q").set_value("").run()
    assert len(app.subheader) == len(TERMS)


def test_the_auroc_follows_its_slider():
    assert "AUROC 0.50" in words(open_page("methods", term="auroc", separation="0.0"))
    assert "64 of 64 pairs: AUROC 1.00" in words(open_page("methods", term="auroc", separation="2.0"))


def test_the_clusters_follow_their_slider():
    app = open_page("methods", term="threshold", **{"toy-tau": "0.99"})
    assert "6 answers form 6 clusters" in words(app)
    app.slider(key="widget:toy-tau").set_value(0.0).run()
    assert "6 answers form 1 cluster" in words(app)


def test_the_code_of_the_examples_can_be_shown():
    app = open_page("methods")
    assert not app.code
    app.toggle(key="code").set_value(True).run()
    assert len(app.code) == len(TERMS)
    app.toggle(key="code").set_value(False).run()
    assert not app.code


def test_a_missing_document_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(handbook, "GLOSSARY", tmp_path / "glossary.md")
    app = open_page("methods")

    assert not app.exception
    assert "is missing" in app.error[0].value
