"""The check of the sampler on runs of ours as they are, and after something broke; on imports with less to go by."""

import shutil

import numpy as np
import pyarrow as pa
import pytest
from fakes import make_row, write_rows

from homog_core import files
from homog_core.analysis.sampler_check import Sign, Verdict, sampler_check
from homog_core.records import GREEDY, Served
from homog_core.runs.contents import commit, shards
from homog_core.runs.importers import import_file
from homog_core.runs.importers.notes import About
from homog_core.runs.store import open_run
from homog_core.runs.tables import MERGED, SCHEMAS

BASE, DPO = "gemma-3-270m--starter--63f59446b1", "gemma-3-270m-dpo--starter--e0e482446a"
COOL, WARM = "gemma-3-270m-dpo--starter--381b0d8f3f", "gemma-3-270m-dpo--starter--4c32034499"
ANSWER = ["text", "finish_reason", "entropy_kind", "tokens", "token_entropies", "token_logprobs"]


def broken(run_id, own_cache, change):
    """A shipped run whose answers are changed question by question; the greedy answer is the first row."""
    shipped = open_run(run_id).folder
    folder = own_cache / "runs" / run_id
    shutil.copytree(shipped, folder)
    rows = open_run(run_id).responses()
    answers = rows[ANSWER].to_numpy()
    for number, places in enumerate(rows.groupby("question_id", sort=False).indices.values()):
        answers[places] = change(number, answers[places])
    rows[ANSWER] = answers
    table = pa.Table.from_pandas(rows, schema=SCHEMAS["responses"], preserve_index=False)
    run = open_run(run_id)
    others = shards(folder, run.manifest).keys() - {MERGED}
    commit(folder, {MERGED: table}, drop=others)
    return open_run(run_id)


def imported(tmp_path, *rows, **about):
    return import_file(write_rows(tmp_path / "theirs.jsonl", *rows), About("theirs", **about))


@pytest.mark.parametrize(
    ("run_id", "verdict"),
    [
        (BASE, Verdict.CONSISTENT),
        (DPO, Verdict.CONSISTENT),
        (WARM, Verdict.CONSISTENT),  # 1.5
        (COOL, Verdict.UNKNOWN),  # 0.3: three of four answers repeat, and the bounds are wide
    ],
)
def test_honest_runs_raise_no_alarm(run_id, verdict):
    found = sampler_check(open_run(run_id))
    assert (found.verdict, found.sign, found.questions, found.equal_lists) == (verdict, None, (), ())
    assert found.expected_low <= found.expected_high
    assert found.copies.low <= 0 <= found.copies.high


def test_the_repeats_are_those_of_the_answers():
    run = open_run(DPO)
    rows = run.responses().query(f"sample_index != {GREEDY}")
    different = rows.assign(key=rows["tokens"].map(tuple)).groupby("question_id")["key"].nunique()
    found = sampler_check(run)
    assert (found.n_answers, found.n_repeats) == (9 * 162, (10 - different).sum())
    assert found.expected_low == found.expected_high  # at temperature 1 nothing is left open


@pytest.mark.parametrize("run_id", [BASE, DPO])
def test_all_draws_equal_is_a_fixed_seed(run_id, own_cache):
    found = sampler_check(broken(run_id, own_cache, lambda _, rows: rows[[0] + [1] * 10]))
    assert (found.verdict, found.sign) == (Verdict.TOO_MANY, Sign.ONE_ANSWER)
    assert found.n_repeats == found.n_answers > found.expected_high


def test_all_draws_equal_to_the_greedy_answer_is_an_ignored_temperature(own_cache):
    found = sampler_check(broken(DPO, own_cache, lambda _, rows: rows[[0] * 11]))
    assert (found.verdict, found.sign) == (Verdict.TOO_MANY, Sign.GREEDY)


def test_a_cache_that_returns_two_of_ten_is_found(own_cache):
    random = np.random.default_rng(0)

    def two_copies(_, rows):
        rows = rows.copy()
        for place in random.choice(np.arange(2, 11), 2, replace=False):
            rows[place] = rows[random.integers(1, place)]
        return rows

    found = sampler_check(broken(DPO, own_cache, two_copies))
    assert (found.verdict, found.sign) == (Verdict.TOO_MANY, Sign.COPIES)
    assert found.copies.low > 0.05


def test_one_question_that_hit_a_cache_is_named(own_cache):
    run = broken(BASE, own_cache, lambda number, rows: rows[[0] + [1] * 10] if number == 5 else rows)
    found = sampler_check(run)
    ids = list(dict.fromkeys(run.responses()["question_id"]))
    assert found.verdict is Verdict.TOO_MANY
    assert [one.question_id for one in found.questions] == [ids[5]]
    assert found.questions[0].n_repeats == 9 > found.questions[0].expected


def test_one_question_that_all_questions_together_would_hide_is_named(own_cache):
    hit = []

    def one_is_cached(number, rows):
        if hit or not -3 < rows[1][5].sum() < -2.5:  # a probability of 0.05 to 0.08
            return rows
        hit.append(number)
        return rows[[0] + [1] * 10]

    found = sampler_check(broken(DPO, own_cache, one_is_cached))
    assert found.copies.low <= 0
    assert (found.verdict, len(found.questions), found.questions[0].n_repeats) == (Verdict.TOO_MANY, 1, 9)


def test_a_cache_across_questions_is_found(own_cache):
    kept = []

    def cached(number, rows):
        kept.append(rows)
        return kept[3] if number == 8 else rows

    found = sampler_check(broken(BASE, own_cache, cached))
    assert (found.verdict, found.sign, len(found.equal_lists)) == (Verdict.TOO_MANY, Sign.LISTS, 2)


def test_equal_answers_taken_out_are_too_few(own_cache):
    def without_repeats(_, rows):
        rows, seen = rows.copy(), set()
        for i in range(1, 11):
            if (key := tuple(rows[i, 3])) in seen:
                rows[i, 0], rows[i, 3] = f"{rows[i, 0]} {i}", np.array([*key[:-1], f"{key[-1]} {i}"], dtype=object)
            seen.add(tuple(rows[i, 3]))
        return rows

    assert sampler_check(broken(DPO, own_cache, without_repeats)).verdict is Verdict.TOO_FEW


def test_entropies_that_are_lower_bounds_raise_no_alarm_at_a_low_temperature(own_cache):
    def bounded(_, rows):
        rows = rows.copy()
        rows[:, 2] = "top_k:1"
        for row in rows:
            row[4] = np.zeros(len(row[4]), dtype=np.float32)  # never too high
        return rows

    exact = sampler_check(open_run(COOL))
    found = sampler_check(broken(COOL, own_cache, bounded))
    assert found.verdict is not Verdict.TOO_MANY
    assert found.expected_high >= exact.expected_high


@pytest.mark.parametrize("is_untruncated", [True, False])
def test_what_a_server_may_have_cut_off_leaves_no_upper_bound(own_cache, is_untruncated):
    run = broken(DPO, own_cache, lambda _, rows: rows)
    commit(run.folder, served=Served("there", "dpo", is_untruncated=is_untruncated))
    found = sampler_check(open_run(run.id))
    assert found.expected_low > 0
    assert (found.expected_high == found.n_answers) is not is_untruncated


# Imports


def test_long_answers_all_alike_need_no_probabilities(tmp_path):
    rows = [make_row(f"Why {i}?", [f"{i} because " + "so it is " * 6] * 5) for i in range(4)]
    found = sampler_check(imported(tmp_path, *rows))
    assert (found.verdict, found.sign) == (Verdict.TOO_MANY, Sign.ONE_ANSWER)
    assert not found.is_known


@pytest.mark.parametrize("about", [{}, {"temperature": 0.5}])
def test_short_answers_all_alike_cannot_be_told(tmp_path, about):
    words = "so it is " * 6 if about else "Mars."
    rows = [make_row(f"Why {i}?", [f"{i} {words}"] * 5) for i in range(4)]
    assert sampler_check(imported(tmp_path, *rows, **about)).verdict is Verdict.UNKNOWN


def test_answers_without_a_repeat_have_no_copies_whatever_their_probabilities(tmp_path):
    rows = [make_row(f"Why {i}?", [f"{i} {j}" for j in range(6)]) for i in range(12)]
    assert sampler_check(imported(tmp_path, *rows)).verdict is Verdict.CONSISTENT


def test_probabilities_of_an_import_are_read_both_ways(tmp_path):
    # 0.9 before temperature 0.5 is at most 0.988 after it; or it is 0.9 after it already
    row = make_row("Why?", ["a"] * 3, tokens=[["a", ""]] * 3, finish_reasons=["stop"] * 3)
    row |= {"token_logprobs": [[np.log(0.9), 0]] * 3, "token_entropies": [[0.325, 0]] * 3}
    found = sampler_check(imported(tmp_path, row, temperature=0.5))
    assert found.expected_low == pytest.approx(2 * 0.9, abs=1e-3)
    assert found.expected_high == pytest.approx(2 * 0.81 / 0.82, abs=1e-3)


def test_an_answer_whose_end_is_not_given_may_be_less_likely(tmp_path):
    row = make_row("Why?", ["a"] * 3, tokens=[["a"]] * 3, token_logprobs=[[np.log(0.5)]] * 3)
    found = sampler_check(imported(tmp_path, row))
    assert (found.expected_low, found.expected_high) == (0, pytest.approx(1, abs=1e-3))


def test_a_sampler_that_is_certain_of_every_token_does_not_sample(tmp_path):
    tokens = [f" w{i}" for i in range(20)]
    same = {"tokens": [tokens] * 4, "token_logprobs": [[0.0] * 20] * 4}
    rows = [make_row(f"Why {i}?", ["".join(tokens)] * 4, **same) for i in range(3)]
    found = sampler_check(imported(tmp_path, *rows))
    assert (found.verdict, found.sign) == (Verdict.TOO_MANY, Sign.CERTAIN)


def test_one_answer_to_each_question_says_nothing(tmp_path):
    found = sampler_check(imported(tmp_path, make_row("Why?", ["a"])))
    assert (found.verdict, found.n_answers) == (Verdict.UNKNOWN, 0)


def test_equal_lists_need_different_prompts_and_more_than_a_few_words(tmp_path):
    long = [f"{i} because of this and that" for i in range(6)]
    same = [make_row(f"Why {i}?", long, prompt="Why?") for i in range(2)]
    assert sampler_check(imported(tmp_path, *same)).sign is None
    other = [make_row(f"How {i}?", long) for i in range(2)]
    assert sampler_check(imported(tmp_path, *other)).sign is Sign.LISTS
    short = [make_row(f"What {i}?", [str(i) for i in range(6)]) for i in range(2)]
    assert sampler_check(imported(tmp_path, *short)).sign is None


@pytest.mark.parametrize(
    ("name", "verdict"), [("cached", Verdict.TOO_MANY), ("same-stem-other-prompt", Verdict.UNKNOWN)]
)
def test_the_shared_cases(name, verdict):
    for folder in files.dataset_folders():
        if (path := folder.parent / "cases" / f"{name}.jsonl").is_file():
            assert sampler_check(import_file(path, About("m"))).verdict is verdict
            return
    pytest.skip("the case is not on this machine")
