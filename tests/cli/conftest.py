"""What the tests of the command line share: no shipped runs, an encoder without weights, and a scored run."""

import json

import pytest
from fakes import FakeEncoder, FakeSampler, make_question

from homog_core.cli import main
from homog_core.measures import encoders
from homog_core.records import Decoding
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run

ANSWERS = {"one": ("red fox",), "two": ("red fox", "blue whale", "grey seal")}


@pytest.fixture(autouse=True)
def fake_encoder(no_shipped_runs, monkeypatch):
    monkeypatch.setattr(encoders, "SentenceEncoder", lambda name: FakeEncoder())


@pytest.fixture
def run():
    """A scored run of two questions with three samples each."""
    questions = [make_question("one"), make_question("two")]
    sampled = sample_run(FakeSampler(ANSWERS), questions, Decoding(n_samples=3), "plain")
    return score_run(sampled.id, [FakeEncoder()])


@pytest.fixture
def call(capsys):
    """Runs a command that succeeds and returns the JSON that it prints."""

    def run_json(*arguments, status=0):
        assert main([*arguments, "--json"]) == status
        return json.loads(capsys.readouterr().out)

    return run_json
