"""Order, pairs and chains of runs."""

import pytest
from fakes import make_row, write_rows
from scored_runs import THREE_QUESTIONS, sampled

from homog_core.analysis import lineage
from homog_core.analysis.lineage import chain, default_runs
from homog_core.catalogue import tables
from homog_core.runs.importers import About, import_file
from homog_core.wording.run_names import names

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


CHAIN = ("gemma-3-270m", "gemma-3-270m-sft", "gemma-3-270m-dpo")


def test_runs_are_ordered_named_and_paired():
    base, dpo = sampled("fake-b"), sampled("fake-a-dpo", stage="dpo")
    warm, other = sampled("fake-a-dpo", stage="dpo", temperature=1.5), sampled("other", stage="instruct", family="Else")
    runs = sorted([other, warm, dpo, base], key=lineage.order)
    assert [run.id for run in runs] == [base.id, dpo.id, warm.id, other.id]
    assert list(names(runs).values()) == ["fake-b (base)", "fake-a-dpo", "fake-a-dpo, T = 1.5", "other (instruct)"]
    assert lineage.base_and_aligned(runs) == (base, dpo)
    assert lineage.base_and_aligned([dpo, warm]) is None
    assert lineage.temperature_siblings(warm, runs) == [dpo, warm]
    assert lineage.temperature_siblings(base, runs) == [base]
    assert lineage.temperature_groups([base, warm], runs) == {warm.id: [dpo, warm]}
    assert lineage.temperature_groups([dpo, warm], runs) == {dpo.id: [dpo, warm]}  # one group, once


def test_the_usual_runs_leave_out_other_temperatures_prompts_and_seeds_where_there_is_a_choice():
    base, shots = sampled("fake-b"), sampled("fake-b", style="few_shot")
    other, warm = sampled("other", style="few_shot"), sampled("fake-a-dpo", temperature=1.5)
    seed = sampled("fake-b-seed1")
    assert lineage.usual_runs([base, shots, other, warm, seed]) == [base, other]
    assert lineage.usual_runs([warm]) == [warm]
    assert lineage.usual_runs([seed]) == [seed]


def test_a_chain_is_found_among_the_runs_whatever_their_order():
    runs = [sampled(key) for key in reversed(CHAIN)]
    sampled("gemma-3-270m", temperature=0.3)

    for run in runs:
        assert [r.identity.model for r in chain(run, runs)] == list(CHAIN)


def test_a_chain_has_only_runs_that_were_sampled_alike_and_prefers_the_same_prompt():
    plain, few_shot, other = sampled(CHAIN[0]), sampled(CHAIN[0], style="few_shot"), sampled(CHAIN[2], temperature=0.3)
    dpo = sampled(CHAIN[2])
    runs = [few_shot, other, plain, dpo]

    assert chain(dpo, runs) == [plain, dpo]
    assert chain(few_shot, runs) == [few_shot, dpo]  # itself; the others by their own default
    assert chain(other, runs) == [other]


def test_runs_of_imports_stand_along_their_training(tmp_path):
    def imported(name, **about):
        path = write_rows(tmp_path / f"{name}.jsonl", make_row("Why?"))
        return import_file(path, About(name, "theirs", **about))

    chat, base = imported("chat", stage="instruct", parent="base"), imported("base", stage="base")
    assert lineage.along_training([chat, base]) == [base, chat]
    middle, first = imported("middle", parent="first"), imported("first")  # nobody gave the stages
    assert lineage.along_training([middle, first]) == [first, middle]
    one, other = imported("one", parent="other"), imported("other", parent="one")  # a circle
    assert sorted(run.id for run in lineage.along_training([one, other])) == sorted([one.id, other.id])


def test_a_model_that_is_not_in_the_catalogue_stands_alone():
    run = sampled("somebody-elses")
    assert chain(run, [run, sampled(CHAIN[0])]) == [run]


def imported(tmp_path, model, parent=None, temperature=0.5, question="Why?", style="unknown"):
    path = write_rows(tmp_path / f"{model}-{temperature}.jsonl", make_row(question, ["a", model]))
    return import_file(path, About(model, "d", temperature=temperature, parent=parent, prompt_style=style))


def test_imported_runs_say_themselves_what_their_models_were_trained_from(tmp_path):
    dpo, sft = imported(tmp_path, "dpo", "sft", style="chat"), imported(tmp_path, "sft", "base", style="chat")
    base, warm = imported(tmp_path, "base", style="plain"), imported(tmp_path, "base", temperature=1.0, style="plain")
    other = imported(tmp_path, "other", "base")  # another line, and a shorter one
    runs = [dpo, warm, other, base, sft]
    for run in (base, sft, dpo):
        assert chain(run, runs) == [base, sft, dpo]
    assert chain(other, runs) == [base, other]
    assert chain(warm, runs) == [warm]
    assert default_runs(runs) == [base, dpo]


def test_a_line_without_the_run_of_its_middle_is_still_a_chain(tmp_path):
    dpo, base = imported(tmp_path, "dpo", "sft"), imported(tmp_path, "base")
    assert chain(dpo, [base, dpo]) == [dpo]  # nobody has said what the missing one was trained from
    tuned = imported(tmp_path, "tuned", "gemma-3-270m-dpo")
    assert chain(tuned, [tuned]) == [tuned]


def test_runs_that_name_each_other_as_parents_end(tmp_path):
    first, second = imported(tmp_path, "first", "second"), imported(tmp_path, "second", "first")
    assert set(map(id, chain(first, [first, second]))) == {id(first), id(second)}
    alone = imported(tmp_path, "alone", "alone")
    assert chain(alone, [alone]) == [alone]


def test_the_page_opens_with_both_ends_of_the_longest_chain():
    base, sft, dpo = (sampled(key) for key in CHAIN)
    assert default_runs([sampled("other"), sft, dpo, base]) == [base, dpo]


def test_the_catalogue_is_looked_up_once_however_many_runs_there_are(monkeypatch):
    looked, records = [], tables.Table._records
    monkeypatch.setattr(tables.Table, "_records", lambda table: looked.append(table._name) or records(table))
    few, many = [sampled(key) for key in CHAIN], [sampled(f"other-{i}") for i in range(12)]
    counts = []
    for runs in (few, few + many):
        looked.clear()
        default_runs(runs)
        counts.append(looked.count("models"))
    assert counts == [1, 1]


def test_runs_are_offered_by_data_set_and_stage_and_live_ones_last():
    dpo, base = sampled("fake-a-dpo", stage="dpo"), sampled("fake-b")
    live = sampled("fake-b", questions=THREE_QUESTIONS[:1])
    assert lineage.offered([live, dpo, base]) == [base, dpo, live]


def test_the_control_stands_before_the_stage_that_its_recipe_names():
    runs = {key: sampled(key) for key in (*CHAIN, "gemma-3-270m-sft-continued", "gemma-3-270m-typical-continued")}
    found = lineage.chain_with_control(runs[CHAIN[-1]], list(runs.values()))
    assert [run.identity.model for run in found] == [*CHAIN[:2], "gemma-3-270m-sft-continued", CHAIN[2]]
    alone = lineage.chain_with_control(runs[CHAIN[-1]], [runs[key] for key in CHAIN])
    assert [run.identity.model for run in alone] == list(CHAIN)
