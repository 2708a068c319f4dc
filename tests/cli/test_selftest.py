"""`homog selftest` on a tiny model: the report, its JSON, and the exit status."""

import json

import pytest
from fakes import tiny_model, tiny_tokenizer
from transformers import DynamicCache

from homog_core.cli import main
from homog_core.cli.parser import batch_size


@pytest.fixture
def folder(tmp_path):
    tiny_model("llama").save_pretrained(tmp_path / "tiny")
    tiny_tokenizer().save_pretrained(tmp_path / "tiny")
    return str(tmp_path / "tiny")


def test_a_report_to_send(folder, capsys):
    assert main(["selftest", "--model", folder, "--prompt", "plain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "# homog selftest: passed"
    assert "float32" in lines[2] and "CPU" in lines[3] and "torch" in lines[4]
    table = [line.split("|") for line in lines[6:]]
    assert {len(row) for row in table} == {6}
    verdicts = {row[1].strip(): row[4].strip() for row in table[2:]}
    assert verdicts["recorded against recomputed, largest difference"] == "passed"
    assert verdicts["alone and in a batch, texts that differ"] == "passed"
    assert verdicts["forward passes after Stop"] == "passed"
    assert verdicts["speed, 8 questions"] == ""


def test_a_check_that_fails_is_an_exit_status(folder, capsys, monkeypatch):
    reorder = DynamicCache.reorder_cache
    monkeypatch.setattr(DynamicCache, "reorder_cache", lambda cache, index: reorder(cache, index.flip(0)))
    assert main(["selftest", "--model", folder, "--prompt", "plain", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert not document["passed"]
    failed = [check["name"] for check in document["findings"] if not check["passed"]]
    assert "recorded against recomputed, mean difference" in failed
    assert "forward passes after Stop" not in failed


def test_a_batch_may_be_left_to_the_memory():
    assert batch_size("auto") is None
    assert batch_size("7") == 7
