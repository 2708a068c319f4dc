"""A run that is deleted, half copied or damaged while a page shows it: one sentence, and other runs are shown."""

import os
import random
import shutil
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
from fakes import FAKE_SPEC, FakeEncoder, FakeSampler, make_question
from page_testing import html, open_page

from dashboard import cache, scoring
from homog_core.measures.clustering import Clusterer
from homog_core.records import Decoding
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.runs.verify import verify

pytestmark = pytest.mark.usefixtures("no_shipped_runs")

QUESTIONS = [make_question(name) for name in ("one", "two", "three")]
ANSWERS = {question.id: ("red fox", "blue whale", "red fox", "green frog") for question in QUESTIONS}
VIEWS = {
    "questions": ("run", {}),
    "questions, tokens": ("run", {"view": "tokens"}),
    "compare": ("runs", {}),
    "compare, all questions": ("runs", {"level": "all"}),
    "map": ("runs", {}),
    "alignment_tax": ("runs", {}),
    "runs": ("run", {}),
}
NEEDED = ("manifest.json", "questions.parquet", "responses-*.parquet", "scores.parquet", "similarities.parquet")


@pytest.fixture(autouse=True)
def no_models(monkeypatch):
    monkeypatch.setattr(scoring, "sentence_encoder", lambda key: FakeEncoder())
    monkeypatch.setattr(cache, "umap_warm_up", lambda: SimpleNamespace(ready=threading.Event()))


def scored(key):
    run = sample_run(FakeSampler(ANSWERS, replace(FAKE_SPEC, key=key)), QUESTIONS, Decoding(n_samples=4), "plain")
    return score_run(run.id, [FakeEncoder()])


def flip(path, rng):
    """Turn one bit of a file over."""
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def half_copied(folder):
    """What is there of a copy of which the second half is missing, in the order of the names."""
    names = sorted(path.name for path in folder.glob("*.parquet"))
    for name in names[len(names) // 2 :]:
        (folder / name).unlink()


DAMAGE = {
    "deleted": shutil.rmtree,
    "without its manifest": lambda folder: (folder / "manifest.json").unlink(),
    "half copied": half_copied,
    **{
        f"a bit of {name}": lambda folder, name=name: flip(next(folder.glob(name)), random.Random(name))
        for name in NEEDED
    },
}


def said(app):
    """The errors and warnings of a page that name a run."""
    return [text for text in (e.value.replace("\\", "") for e in (*app.error, *app.warning)) if "bad--" in text]


def opened(view, first, second):
    """A page that shows the second of two runs, alone or beside the first."""
    param, more = VIEWS[view]
    chosen = second.id if param == "run" else f"{first.id},{second.id}"
    return open_page(view.split(",")[0], **{param: chosen}, **more)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("kind", DAMAGE)
def test_a_run_that_is_damaged_while_a_page_shows_it_is_said_and_others_are_shown(view, kind):
    good, other, bad = scored("good"), scored("other"), scored("bad")
    app = opened(view, good, bad)
    assert (len(app.exception), said(app)) == (0, [])
    DAMAGE[kind](bad.folder)
    app.run()
    assert not app.exception
    if view == "runs" and (bad.folder / "manifest.json").is_file():  # it says what the manifest says, and verifies
        assert verify(bad.id) != []
    else:
        assert len(said(app)) == 1
    again = opened(view, good, other)
    assert (len(again.exception), len(again.error), said(again)) == (0, 0, [])


def test_no_flipped_bit_of_a_shown_run_is_a_traceback_or_goes_unsaid():
    good, bad = scored("good"), scored("bad")
    app, rng = opened("questions", good, bad), random.Random(3)
    shown = app.title[0].value, html(app)
    for _ in range(12):
        path = rng.choice(sorted(bad.folder.glob("*.parquet")))
        before = path.read_bytes()
        flip(path, rng)
        app.run()
        assert not app.exception
        # a file that this view does not read changes nothing of it
        assert said(app) or (app.title[0].value, html(app)) == shown, path.name
        path.write_bytes(before)
        app.run()
        assert said(app) == []


def test_a_scoring_is_shown_though_the_clock_was_set_back(monkeypatch):
    run = scored("bad")
    before = cache.load_run(run.id).scores["num_semantic_sets@jaccard"].sum()
    score_run(run.id, [FakeEncoder()], clusterers=[Clusterer("jaccard", 0.0)])
    for path in run.folder.iterdir():
        if path.name != "questions.parquet" and not path.name.startswith("responses-"):
            os.utime(path, (10**9, 10**9))  # written in 2001, as the clock said
    assert cache.load_run(run.id).scores["num_semantic_sets@jaccard"].sum() < before
