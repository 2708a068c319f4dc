"""Files that went wrong once, by the command line: what makes numbers incomparable, and what is not there."""

import json

import pytest

from homog_core.analysis.run_state import Lack, lacks
from homog_core.cli import main
from homog_core.measures.clustering import Clusterer
from homog_core.runs import store
from homog_core.wording.recipes import over_runs, run_recipe, side_by_side
from homog_core.wording.run_card import card, missing

NAMES = ("Rome", "Oslo", "Lima")


def write(path, **fields):
    """A file of three questions with two answers each; a field is a function of the city."""
    rows = (
        {"question": f"Name city {i}?", "answers": [city, f"{city} city"]} | {k: v(city) for k, v in fields.items()}
        for i, city in enumerate(NAMES)
    )
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


@pytest.fixture
def imported(tmp_path, capsys):
    """Imports and scores a file by the command line; gives the run's id and what was said."""

    def run(name, **fields):
        path = write(tmp_path / f"{name}.jsonl", **fields)
        known = set(store.runs_by_id())
        assert main(["import", str(path), "--model", name, "--dataset", "cities"]) == 0
        (new,) = set(store.runs_by_id()) - known
        return new, "".join(capsys.readouterr())

    return run


def entropies(kind):
    """The fields of token entropies of one kind, for `imported`."""
    numbers = lambda city: [[0.4, 0.2], [0.4, 0.2, 0.1]]
    return {"token_entropies": numbers, "entropy_kinds": lambda city: [kind, kind]}


def test_entropies_of_two_kinds_are_named_and_not_compared(imported, call, capsys):
    exact, _ = imported("all", **entropies("exact"))
    bounds, _ = imported("five", **entropies("top_k:5"))
    found = call("compare", exact, bounds)
    assert found["differing"]["entropy_kind"] == ["exact", "top_k:5"]
    assert not {"mean_token_entropy", "mean_token_entropy_sampled"} & {row["statistic"] for row in found["tests"]}
    assert main(["compare", exact, bounds]) == 0
    printed = capsys.readouterr().out
    assert "kind of token entropies (exact / lower bounds from 5 tokens)" in printed
    assert "Token entropies are not compared" in printed
    assert "Everything else is the same" not in printed


def test_answers_that_were_cut_and_ends_that_nobody_knows_are_named(imported, capsys):
    whole, _ = imported("whole", finish_reasons=lambda city: ["stop", "stop"])
    cut, _ = imported("cut", finish_reasons=lambda city: ["stop", "length"])
    silent, _ = imported("silent")
    assert main(["compare", whole, cut]) == 0
    assert "share of answers cut by the token limit (0 % / 50 %)" in capsys.readouterr().out
    assert main(["compare", whole, silent]) == 0
    assert "nobody knows whether they were cut (0 % / 100 %)" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["show", "compare"])
def test_what_is_undefined_is_a_sentence_and_no_row(imported, capsys, command):
    bare, said = imported("bare")
    graded, _ = imported("graded", references=lambda city: [city], greedy_answer=lambda city: city)
    assert main([command, bare] if command == "show" else [command, bare, graded]) == 0
    printed = said + capsys.readouterr().out
    assert "nan" not in printed
    assert "undefined for these answers" in printed
    assert "No score can be ranked" in printed
    assert "here 0 are correct and 0 incorrect" in printed


def test_what_was_left_out_of_the_texts_is_counted(imported, call):
    run, said = imported("r1", answers=lambda city: [f"<think>so</think>{city}", f"{city}</s>"])
    assert "Of 6 answers, left out: reasoning from 3, special tokens from 3." in said
    found = call("show", run)["texts"]
    assert (found["reasoning_left_out"], found["special_tokens_left_out"], found["piece_marks_left_out"]) == (3, 3, 0)
    facts = {fact.label: fact.text for fact in card(store.open_run(run))}
    assert facts["Texts"] == "Of 6 answers, left out: reasoning from 3, special tokens from 3."


def test_a_report_card_is_not_quoted_for_essays(imported, call):
    essay = lambda city: ["The life of the city is not what it was. " * 28, f"{city} is the city. " * 70]
    run, said = imported("essays", answers=essay)
    why = "6 of 6 answers are longer than 250 words"
    assert f"The report cards do not hold here: {why}." in said
    assert call("show", run)["texts"]["report_cards_hold"] is False
    stored, jaccard = store.open_run(run), Clusterer("jaccard", 0.4)
    assert f"no report card for such answers ({why})" in run_recipe(stored, jaccard, 3)
    assert f"no report card for such answers ({why})" in over_runs(["a"], [stored], jaccard, "", "")
    assert "do not hold here" in {fact.label: fact.text for fact in card(stored)}["Texts"]
    short, _ = imported("short")
    inside = run_recipe(store.open_run(short), jaccard, 3)
    assert "report card AUC" in inside
    assert why in side_by_side(["a", "b"], [store.open_run(short), stored], jaccard, 3)


def test_a_field_that_stands_twice_in_json_is_named(tmp_path, capsys):
    path = tmp_path / "twice.json"
    path.write_text(
        '[{"question": "Red?", "answers": ["a", "b"], "answers": ["Mars", "Venus"]}, {"question": "Blue?"}]'
    )
    assert main(["import", str(path), "--model", "m"]) == 0
    said = capsys.readouterr().err
    assert "fields that an object has twice: the last one counts: 1 (twice.json: the field 'answers'" in said


def test_our_own_export_of_unknown_numbers_comes_back_without_a_complaint(imported, tmp_path, capsys):
    run, _ = imported("known", token_logprobs=lambda city: [[-0.1], [-0.2]])  # entropies are not known
    assert main(["export", run, "--format", "parquet", "--output", str(tmp_path / "again.parquet")]) == 0
    assert main(["import", str(tmp_path / "again.parquet"), "--model", "again"]) == 0
    assert "cannot be" not in capsys.readouterr().err


def test_a_token_limit_that_nobody_gave_is_said_to_be_unknown(imported):
    run, _ = imported("silent")
    stored = store.open_run(run)
    assert "Nobody gave the temperature and token limit." in {fact.label: fact.text for fact in card(stored)}["How"]
    for line in (run_recipe(stored, None, 3), over_runs(["a"], [stored], None, "", "")):
        assert "token limit not known" in line and "1,024" not in line


def test_references_without_a_greedy_answer_are_said_to_be_of_no_use(imported):
    run, said = imported("nothing to grade", references=lambda city: [city])
    assert "questions with references and no greedy answer" in said
    assert Lack.GREEDY in lacks(store.open_run(run))
    assert any("no greedy answers" in part.what for part in missing(store.open_run(run)))
    plain, said = imported("no references")
    assert "no greedy answer" not in said and Lack.GREEDY not in lacks(store.open_run(plain))
