"""The command `sample`: wrong options, from end to end, and a run that survives being killed."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from fakes import TIMEOUT, tiny_model, tiny_tokenizer

from homog_core import files
from homog_core.catalogue.datasets import DATASETS
from homog_core.cli import main
from homog_core.runs import shipped
from homog_core.runs.store import open_run
from homog_core.sampling import few_rows
from homog_core.sampling.int8_code import can_multiply_int8
from homog_core.wording import run_card


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    """A tiny model on disk, as somebody's own."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_model("llama").save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def csv(tmp_path):
    def write(n_questions):
        path = tmp_path / "own.csv"
        path.write_text("question\n" + "".join(f"What is number {n}?\n" for n in range(n_questions)))
        return str(path)

    return write


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model", "nonsense"], "no model 'nonsense'"),
        (["--dataset", "nonsense"], "no dataset 'nonsense'"),
        (["--dataset", "missing.csv"], "no file missing.csv"),
        (["--temperature", "-1"], "temperature is -1"),
        (["--temperature", "nan"], "temperature is nan"),
        (["--samples", "0"], "number of samples is 0"),
        (["--top-p", "0"], "top-p is 0"),
        (["--max-new-tokens", "0"], "token limit is 0"),
        (["--limit", "0"], "limit is 0"),
        (["--batch-questions", "0"], "questions in a batch is 0"),
    ],
)
def test_a_wrong_option_of_sample_is_found_before_the_model_is_loaded(options, words, capsys):
    good = ["--model", "gemma-3-270m", "--dataset", "starter"]  # a later option overrides an earlier one
    assert main(["sample", *good, *options]) == 2
    assert words in capsys.readouterr().err


def test_a_csv_without_questions_is_refused(tmp_path, capsys):
    path = tmp_path / "bad.csv"
    path.write_text("text\nWhy?\n")
    assert main(["sample", "--model", "gemma-3-270m", "--dataset", str(path)]) == 2
    assert "bad.csv" in capsys.readouterr().err


def sample_arguments(folder, dataset, *, tokens):
    return [
        *("sample", "--model", str(folder), "--dataset", dataset),
        *("--samples", "3", "--max-new-tokens", str(tokens), "--batch-questions", "1"),
    ]


def test_sampling_what_ships_shows_the_run_and_leaves_it_as_it_is(call, model_folder, csv, monkeypatch):
    arguments = sample_arguments(model_folder, csv(1), tokens=4)
    run = open_run(call(*arguments)["run"])
    before = {path.name: path.read_bytes() for path in run.folder.glob("*.*")}
    monkeypatch.setattr(shipped, "shipped_ids", lambda: (run.id,))
    monkeypatch.setattr(files, "SHIPPED", files.cache())
    assert call(*arguments)["run"] == run.id
    assert {path.name: path.read_bytes() for path in run.folder.glob("*.*")} == before


def test_sample_from_end_to_end(call, model_folder, csv):
    summary = call(*sample_arguments(model_folder, csv(3), tokens=6))
    assert summary["n_questions"] == 3
    run = open_run(summary["run"])
    assert run.folder.is_relative_to(files.cache())
    assert run.identity.model == "tiny"
    assert run.provenance.status == "complete"
    assert len(run.responses()) == 3 * (3 + 1)
    assert call("verify", run.id) == [{"run": run.id, "problem": "none"}]
    shards = [path.read_bytes() for path in run.folder.glob("responses-*")]
    call(*sample_arguments(model_folder, csv(3), tokens=6))  # nothing is left to do
    assert [path.read_bytes() for path in run.folder.glob("responses-*")] == shards


def test_a_killed_run_is_gone_on_with(call, model_folder, csv, own_cache):
    n_questions = 60
    arguments = sample_arguments(model_folder, csv(n_questions), tokens=40)
    process = subprocess.Popen(
        [sys.executable, "-m", "homog_core", *arguments],
        cwd=files.PROJECT,
        env={**os.environ, "HOMOG_CACHE": str(own_cache)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 5 * TIMEOUT  # it imports torch first
    try:
        while not list(own_cache.glob("runs/*/responses-*.parquet")):
            assert time.monotonic() < deadline
            with pytest.raises(subprocess.TimeoutExpired):  # it is still at work
                process.wait(timeout=0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=TIMEOUT)
    assert process.returncode == -signal.SIGKILL
    (folder,) = (path.parent for path in own_cache.glob("runs/*/manifest.json"))
    stored = open_run(folder.name).sampled_ids()
    assert 1 <= len(stored) < n_questions
    before = open_run(folder.name).responses()

    summary = call(*arguments)
    assert summary["run"] == folder.name
    rows = open_run(folder.name).responses()
    assert len(rows) == n_questions * (3 + 1)
    assert rows["question_id"].nunique() == n_questions
    assert not rows.duplicated(["question_id", "sample_index"]).any()
    kept = rows[rows["question_id"].isin(stored)].reset_index(drop=True)
    assert list(kept["text"]) == list(before["text"])
    # the killed process could count nothing, so the manifest has the second one's tokens: those of the other questions
    new = rows[~rows["question_id"].isin(stored)]
    assert open_run(folder.name).provenance.n_tokens == new["tokens"].map(len).sum()
    assert call("verify", folder.name) == [{"run": folder.name, "problem": "none"}]


def test_draws_of_ones_own_as_a_table_and_as_json(model_folder, capsys):
    command = ["draws", "--model", str(model_folder), "--question", "Pick one: a, b, c"]
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "effective number" in shown
    assert "Pick one" in shown
    assert main([*command, "--json"]) == 0
    (draw,) = json.loads(capsys.readouterr().out)
    (wording,) = draw["wordings"]
    assert set(wording["probabilities"]) == {"a", "b", "c"}
    assert sum(wording["probabilities"].values()) == pytest.approx(draw["all"]["on_list"])
    assert 1 <= draw["all"]["effective_number"] <= 3
    assert 0 < wording["not_followed"] < 1


def test_a_draw_without_a_list_is_refused(model_folder, capsys):
    assert main(["draws", "--model", str(model_folder), "--question", "Pick one"]) == 2
    assert "after a colon" in capsys.readouterr().err


def test_the_type_that_weights_are_computed_in_is_chosen_and_recorded(call, model_folder, csv):
    command = sample_arguments(model_folder, csv(1), tokens=4)
    runs = [open_run(call(*command, *extra)["run"]) for extra in ([], ["--dtype", "bfloat16"])]
    assert [run.identity.dtype for run in runs] == ["float32", "bfloat16"]


@pytest.mark.skipif(not can_multiply_int8(), reason="this processor multiplies no integers in AMX")
def test_a_run_in_int8_is_another_run(call, tmp_path, csv, monkeypatch):
    monkeypatch.setattr(few_rows, "_SMALLEST", 1024)
    model, folder = tiny_model("llama"), tmp_path / "tiny"
    model.resize_token_embeddings(320, mean_resizing=False)
    model.save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    command = sample_arguments(folder, csv(1), tokens=4)
    usual, run = (open_run(call(*command, *extra)["run"]) for extra in ([], ["--dtype", "int8"]))
    assert (usual.identity.dtype, run.identity.dtype) == ("float32", "int8")
    assert usual.id != run.id
    assert "computed in int8" in str(run_card.card(run))


@pytest.mark.parametrize(("given", "limit"), [([], 9), (["--max-new-tokens", "5"], 5)])
def test_a_dataset_has_a_token_limit_and_stop_strings_of_its_own(call, model_folder, monkeypatch, given, limit):
    spec = replace(DATASETS["starter"], max_new_tokens=9, stop=("\nQ:",))
    monkeypatch.setitem(DATASETS._records(), "starter", spec)
    command = ("sample", "--model", str(model_folder), "--dataset", "starter", "--limit", "1", "--samples", "2")
    decoding = open_run(call(*command, *given)["run"]).decoding
    assert (decoding.max_new_tokens, decoding.stop) == (limit, ("\nQ:",))
