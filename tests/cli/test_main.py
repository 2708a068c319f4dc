"""Calls of the program: its name, exit statuses, and sentences for what is wrong."""

import io
import subprocess
import sys

import pytest

from homog_core import files
from homog_core.cli import main
from homog_core.cli.output import Bar, say


def test_the_help_calls_the_program_as_it_was_called(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/homog"])
    with pytest.raises(SystemExit) as exit_:
        main(["runs", "--help"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out.startswith("usage: homog runs [-h] [--json]\n")


def test_the_module_is_a_program():
    command = [sys.executable, "-m", "homog_core", "--help"]
    result = subprocess.run(command, cwd=files.PROJECT, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("usage: python -m homog_core [-h] COMMAND ...\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "nonsense"], "no run 'nonsense'"),
        (["score", "nonsense"], "no run 'nonsense'"),
        (["verify", "nonsense"], "no run 'nonsense'"),
        (["score", "any", "--threshold", "jaccard=much"], "'jaccard=much' is not of the form"),
        (["score", "any", "--threshold", "jaccard"], "'jaccard' is not of the form"),
        (["score", "any", "--threshold", "bleu=0.5"], "no clusterer 'bleu'"),
        (["score", "any", "--threshold", "jaccard=2"], "threshold is 2"),
        (["score", "any", "--threshold", "jaccard=nan"], "threshold is nan"),
    ],
)
def test_a_wrong_value_exits_2_and_says_which(arguments, words, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["sample"], ["sample", "--samples", "many"], ["show"]])
def test_a_call_that_does_not_parse_exits_2(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert "usage:" in capsys.readouterr().err


LONG = "x" * 300


@pytest.mark.parametrize(
    "arguments",
    [
        ["import", LONG],
        ["import", f"./{LONG}.jsonl"],
        ["import", "a\0b"],
        ["study", "run", LONG],
        ["study", "get", "novelty-bench", "--from", LONG],
        ["sample", "--model", "gemma-3-270m", "--dataset", f"{LONG}.csv"],
        ["report", "--update", f"{LONG}.md"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_name_that_no_file_can_have_is_one_sentence(arguments, capsys):
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert "can be no file for you (" in line


def test_a_count_takes_the_place_of_the_last_one_on_a_terminal_and_is_left_out_elsewhere(monkeypatch, capsys):
    told = ["Checking", "Unpacking: 1 of 2", "Unpacking: 2 of 2", "Loading"]
    for words in told:
        say(words)
    assert capsys.readouterr().err.splitlines() == ["Checking …", "Unpacking: 1 of 2 …", "Loading …"]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    for words in told:
        say(words)
    seen = capsys.readouterr().err
    assert seen.count("\n") == 4
    assert "\033[F\033[KUnpacking: 2 of 2 …" in seen


def test_progress_on_a_terminal_has_no_codes_of_others(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    with Bar("Copying") as bar:
        bar.update("a\x1b[2J.parquet", 1, 2)
    assert "a\ufffd[2J.parquet" in terminal.getvalue()
    assert "\x1b[2J" not in terminal.getvalue()
