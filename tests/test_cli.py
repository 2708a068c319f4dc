"""The command line: exit status 0, 1 (the work failed) or 2 (the call was wrong), and JSON."""

import json
import signal
import subprocess
import sys
import time

import pytest
from conftest import FakeEncoder, tiny_model, tiny_tokenizer

from homog_core import encoders, paths, store
from homog_core.cli import main


@pytest.fixture
def tiny_folder(tmp_path):
    folder = tmp_path / "tiny"
    tiny_model("llama").save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def dataset(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("question\n" + "".join(f"What is number {n}?\n" for n in range(12)))
    return path


def run_json(capsys, *arguments):
    status = main([*arguments, "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_models_and_datasets_are_listed(capsys):
    status, rows = run_json(capsys, "models")
    assert status == 0
    assert {row["key"] for row in rows} >= {"gemma-3-270m", "smollm2-135m-instruct", "zephyr-7b-beta"}
    status, rows = run_json(capsys, "datasets")
    assert rows[0]["key"] == "starter"


def test_shipped_runs_are_listed_shown_and_verified(capsys):
    status, rows = run_json(capsys, "runs")
    run_id = rows[0]["run"]
    status, summary = run_json(capsys, "show", run_id)
    assert summary["estimates"]["single_cluster_rate@jaccard"]["n"] > 100
    status, answers = run_json(capsys, "show", run_id, "--question", "fact-001")
    assert [row["sample_index"] for row in answers] == list(range(-1, 10))
    status, rows = run_json(capsys, "verify")
    assert (status, {row["problem"] for row in rows}) == (0, {"none"})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sample", "--model", "gpt-9", "--dataset", "starter"], "There is no model 'gpt-9'"),
        (["sample", "--model", "gemma-3-270m", "--dataset", "nothing"], "There is no dataset 'nothing'"),
        (["sample", "--model", "gemma-3-270m", "--dataset", "starter", "--temperature", "-1"], "temperature is -1"),
        (["sample", "--model", "gemma-3-270m", "--dataset", "starter", "--samples", "0"], "number of samples is 0"),
        (["sample", "--model", "gemma-3-270m", "--dataset", "starter", "--batch-questions", "0"], "at least 1"),
        (["show", "nothing"], "There is no run 'nothing'"),
        (["score", "nothing", "--threshold", "embedding"], "not of the form"),
        (["score", "nothing", "--threshold", "magic=1"], "no clusterer 'magic'"),
        (["verify", "nothing"], "There is no run 'nothing'"),
    ],
)
def test_a_wrong_call_gets_one_sentence_and_status_2(capsys, arguments, words):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error


def test_a_file_without_questions_is_refused(capsys, tmp_path, tiny_folder):
    path = tmp_path / "bad.csv"
    path.write_text("text\nWhy?\n")
    assert main(["sample", "--model", str(tiny_folder), "--dataset", str(path)]) == 2
    assert "bad.csv, line 2: there is no column `question`" in capsys.readouterr().err


def test_a_token_limit_beyond_the_context_names_the_limit(capsys, tiny_folder, dataset):
    call = ["sample", "--model", str(tiny_folder), "--dataset", str(dataset), "--max-new-tokens", "250"]
    assert main(call) == 2
    assert "Set the token limit to" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["unknown"], ["sample"], ["show"]])
def test_usage_errors_exit_with_2(arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_sample_score_and_verify_from_start_to_end(capsys, monkeypatch, tiny_folder, dataset, no_shipped_runs):
    encoder = FakeEncoder()
    monkeypatch.setattr(encoders, "SentenceEncoder", lambda name: encoder)
    call = ["sample", "--model", str(tiny_folder), "--dataset", str(dataset), "--limit", "3", "--samples", "2"]
    status, summary = run_json(capsys, *call)
    assert status == 0
    assert summary["n_questions"] == 3
    status, again = run_json(capsys, "score", summary["run"], "--threshold", "jaccard=0.9", "--rule", "first_member")
    assert again["run"] == summary["run"]
    status, rows = run_json(capsys, "verify", summary["run"])
    assert (status, rows[0]["problem"]) == (0, "none")


def test_verify_of_a_damaged_run_exits_with_1(capsys, monkeypatch, tiny_folder, dataset, no_shipped_runs):
    monkeypatch.setattr(encoders, "SentenceEncoder", lambda name: FakeEncoder())
    call = ["sample", "--model", str(tiny_folder), "--dataset", str(dataset), "--limit", "2", "--samples", "2"]
    _, summary = run_json(capsys, *call)
    shard = store.open_run(summary["run"]).folder / "responses-merged.parquet"
    shard.write_bytes(shard.read_bytes()[:50])
    status, rows = run_json(capsys, "verify", summary["run"])
    assert status == 1
    assert "damaged" in rows[0]["problem"]


def test_sampling_survives_sigkill(tiny_folder, dataset, own_cache):
    call = [sys.executable, "-m", "homog_core", "sample", "--model", str(tiny_folder), "--dataset", str(dataset)]
    call += ["--samples", "3", "--max-new-tokens", "48", "--batch-questions", "1", "--json"]
    with subprocess.Popen(call, cwd=paths.PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while not list(own_cache.glob("runs/*/responses-*.parquet")):
            assert process.poll() is None
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGKILL)
    (folder,) = (own_cache / "runs").iterdir()
    half_way = store.open_run(folder.name).sampled_ids()
    assert 0 < len(half_way) < 12
    done = subprocess.run(call, cwd=paths.PROJECT, capture_output=True, text=True, check=True)
    run = store.open_run(json.loads(done.stdout)["run"])
    assert run.responses().groupby("question_id").size().to_dict() == dict.fromkeys(run.questions()["id"], 4)
    assert store.verify(run.id) == []
