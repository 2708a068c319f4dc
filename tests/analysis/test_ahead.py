"""What is prepared is all that is kept, and nobody who looks later computes it."""

import json

import pytest
from fakes import FakeEncoder

from homog_core.analysis import ahead, rates
from homog_core.analysis.bounds import bounds
from homog_core.analysis.cascade import saving_estimate
from homog_core.analysis.right_answers import right_wordings_differ
from homog_core.analysis.sampler_check import sampler_check
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.texts import run_texts
from homog_core.cli import main
from homog_core.runs import derived
from homog_core.runs.answer_maps import kept_source
from homog_core.runs.score import score_run
from homog_core.runs.store import open_run


@pytest.fixture
def scored(run):
    return score_run(run.id, [FakeEncoder()])


def kept_names():
    return sorted(path.name for path in derived.folder().glob("*/*"))


def test_after_it_nothing_is_computed(scored, monkeypatch):
    assert ahead.prepare([scored]) == 1
    before = kept_names()
    monkeypatch.setattr(derived, "_write", lambda path, content: pytest.fail(f"{path.name} was computed"))
    sampler_check(scored)
    run_texts(scored)
    again = ScoredRun(open_run(scored.id))
    for clusterer in again.clusterers():
        rates.single_cluster_row(again, clusterer, "")
        again.score_frame(clusterer)
        bounds(again, clusterer)
    right_wordings_differ(again)
    kept_source(again.run)
    saving_estimate(again, again.clusterer)
    assert kept_names() == before


def test_a_run_that_has_not_been_scored_is_prepared_as_far_as_it_goes(run):
    assert ahead.prepare([run]) == 1
    assert {name.rpartition("-")[0] for name in kept_names()} >= {"told", "wordings", "sampler_check", "run_texts"}


def test_a_damaged_run_holds_up_no_other(scored, run):
    path = next(scored.folder.glob("responses*.parquet"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    reported = []
    assert ahead.prepare([scored], lambda what, done, total: reported.append((what, done, total))) == 0
    assert reported == [(scored.id, 0, 1), ("", 1, 1)]
    path.write_bytes(whole)
    assert ahead.prepare([open_run(scored.id)]) == 1


def test_the_command_prepares_the_runs_that_are_named(scored, capsys):
    assert not main(["prepare", scored.id, "--json"])
    assert json.loads(capsys.readouterr().out) == {"prepared": 1}
    assert kept_names()
