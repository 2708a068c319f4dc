"""The page Map: the shipped map, other runs, a search, a selection, and a map that is computed from the page."""

import threading
import time
from dataclasses import replace

import pytest
from fakes import FAKE_SPEC, TIMEOUT, FakeEncoder, FakeSampler, make_question
from page_testing import button, html, in_url, open_page, words

from dashboard.map import chart, job
from dashboard.map.work import MapWork, key_of
from homog_core import files
from homog_core.analysis.answer_map import make_map
from homog_core.records import Decoding
from homog_core.runs.answer_maps import list_maps, write_map
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.runs.store import open_run

CHAIN = (
    "gemma-3-270m--facts--c168bbdbbe",
    "gemma-3-270m-sft--facts--f56e44327e",
    "gemma-3-270m-sft-continued--facts--fa80ce6958",
    "gemma-3-270m-dpo--facts--2493e7c049",
)
QUESTIONS = [make_question(f"q{n}", f"Which animal is number {n}?") for n in range(3)]
BASE = {"q0": ("a fox", "a seal", "a whale"), "q1": ("a fox", "a fox", "a *seal* <b>"), "q2": ("a fox",)}
DPO = {"q0": ("a fox",), "q1": ("a fox",), "q2": ("a seal",)}


class NamedEncoder(FakeEncoder):
    key = "minilm"


class SlowEncoder(NamedEncoder):
    """Encodes when it is let."""

    def __init__(self):
        super().__init__()
        self.reached, self.go_on = threading.Event(), threading.Event()

    def encode(self, texts):
        self.reached.set()
        assert self.go_on.wait(TIMEOUT)
        return super().encode(texts)


def fake_run(key, answers=BASE, n_samples=3):
    sampler = FakeSampler(answers, replace(FAKE_SPEC, key=key))
    return score_run(sample_run(sampler, QUESTIONS, Decoding(n_samples=n_samples), "plain").id, [FakeEncoder()]).id


@pytest.fixture
def pair(no_shipped_runs):
    ids = fake_run("base"), fake_run("dpo", DPO)
    write_map(make_map([open_run(run_id) for run_id in ids], NamedEncoder()))
    return ids


@pytest.fixture
def encoder(monkeypatch):
    """Stands for the included encoders on the page, and a worker of this test's own."""
    slow, own = SlowEncoder(), MapWork()
    monkeypatch.setattr(job, "sentence_encoder", lambda key: slow)
    monkeypatch.setattr(job, "work", lambda: own)
    yield slow
    slow.go_on.set()


def wait_for(condition):
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


# The shipped map


def test_it_opens_with_the_chain_on_the_shipped_map():
    app = open_page("map")
    assert not app.exception
    assert not app.warning
    assert in_url(app, "runs") == ",".join(CHAIN)
    shown = words(app)
    # 6,060 wordings of the base and 3,530 of DPO to 627 questions, counted with pandas from the runs' own files
    assert "gemma-3-270m-dpo uses 5.6 different wordings in 10 answers to a question, gemma-3-270m (base) 9.7" in shown
    assert "18,865 marks of 627 questions on the map" in shown
    assert "trustworthiness 0.90" in shown
    assert app.get("plotly_chart")


def test_the_shipped_map_is_small_and_serves_a_part_of_its_runs():
    (path,) = (files.SHIPPED / "maps").iterdir()
    assert path.stat().st_size < 600_000
    app = open_page("map", runs=f"{CHAIN[0]},{CHAIN[3]}")
    assert not app.exception
    assert "9,590 marks of 627 questions on the map" in words(app)  # 6,060 + 3,530


@pytest.mark.parametrize("color", ["grade", "category", "answers"])
def test_every_colour_opens_by_its_link_with_a_search(color):
    app = open_page("map", color=color, find="Madrid")
    assert not app.exception
    assert in_url(app, "color") == color
    assert "with these words" in words(app)
    assert "No answer and no question" in words(open_page("map", color=color, find="zzzzqqq"))


def test_a_question_opens_by_its_link():
    app = open_page("map", question="facts-capital-of-006")
    assert not app.exception
    assert "Which country's capital city is Ottawa" in words(app)
    assert "gemma-3-270m (base): 10 different wordings" in html(app)


# Other runs


def test_the_answers_to_a_question_by_model_with_counts_and_links(pair):
    app = open_page("map", runs=",".join(pair), question="q1")
    assert not app.exception
    shown = html(app)
    assert "a *seal* &lt;b&gt;" in shown
    assert "<b>  " not in shown
    assert "base: 2 different wordings" in shown
    assert "×2" in shown and "×3" in shown
    links = {link.proto.label.split(" ")[0]: link.proto.query_string for link in app.get("page_link")}
    assert links["Open"] == f"run={pair[1]}&question=q1"
    assert links["Compare"] == f"runs={pair[0]}%2C{pair[1]}&question=q1"
    button(app, "All questions").click().run()
    assert in_url(app, "question") == ""
    assert "9 marks of 3 questions on the map" in words(app)  # 3 + 2 + 1 wordings of the first, 1 + 1 + 1 of the last


def test_one_run_alone_is_on_the_map(pair):
    app = open_page("map", runs=pair[0])
    assert not app.exception
    assert "base uses 2.0 different wordings in 3 answers to a question" in words(app)  # (3 + 2 + 1) / 3
    assert "Choose at least one run" in words(open_page("map", runs=""))


def test_runs_that_do_not_go_together_get_a_sentence(pair):
    five = fake_run("five", n_samples=5)
    app = open_page("map", runs=f"{pair[0]},{five}")
    assert not app.exception
    assert "choose runs with the same number" in words(app)


def test_without_runs_it_says_what_to_do(no_shipped_runs):
    assert "There are no runs yet" in words(open_page("map"))


def test_files_that_do_not_read_are_counted(pair):
    (files.cache() / "maps" / "nonsense.parquet").write_bytes(b"PAR1")
    app = open_page("map", runs=",".join(pair))
    assert not app.exception
    assert "1 file in" in words(app)


def test_the_file_for_embedding_atlas_is_made_when_it_is_asked_for(pair):
    app = open_page("map", runs=",".join(pair))
    assert not app.get("download_button")
    button(app, "Prepare the file for embedding-atlas").click().run()
    assert not app.exception
    assert "Download for embedding-atlas" in app.get("download_button")[0].proto.label
    assert app.code[0].value.endswith(".parquet --text text --x x --y y")


# Selections


def test_rows_of_the_browsers_events_are_checked():
    picked = [{"customdata": 3}, {"customdata": [1]}, {"x": 1.0}, {"customdata": 3}, {"customdata": 99}]
    assert chart._rows(picked, 10) == [1, 3]


# A map that is computed from the page


def test_a_map_is_offered_computed_and_opens(no_shipped_runs, encoder):
    run_id = fake_run("base")
    app = open_page("map", runs=run_id)
    assert not app.exception
    assert "4 different texts: that takes about 20 s" in words(app)
    button(app, "Compute the map").click().run()
    assert not app.exception
    assert encoder.reached.wait(TIMEOUT)
    app.run()
    assert button(app, "Stop")
    encoder.go_on.set()
    wait_for(lambda: list_maps()[0])
    wait_for(lambda: job.work().look(key_of([run_id], "minilm")).is_over)
    app.run()
    assert not app.exception
    assert "base uses 2.0 different wordings" in words(app)


def test_a_map_that_is_stopped_is_not_stored(no_shipped_runs, encoder):
    run_id = fake_run("base")
    app = open_page("map", runs=run_id)
    button(app, "Compute the map").click().run()
    assert encoder.reached.wait(TIMEOUT)
    app.run()
    button(app, "Stop").click().run()
    encoder.go_on.set()
    wait_for(lambda: job.work().look(key_of([run_id], "minilm")).is_over)
    app.run()
    assert not app.exception
    assert "Stopped; nothing was stored" in words(app)
    assert list_maps() == ([], [])
    assert button(app, "Compute the map")


def test_one_map_at_a_time_and_what_goes_wrong_is_said(no_shipped_runs):
    class Broken(NamedEncoder):
        def encode(self, texts):
            raise RuntimeError("no weights")

    run, other, work, slow = open_run(fake_run("base")), open_run(fake_run("dpo", DPO)), MapWork(), SlowEncoder()
    work.start([run], slow)
    key = key_of([run.id], "minilm")
    assert work.is_busy
    work.start([other], slow)
    assert work.look(key_of([other.id], "minilm")) is None
    slow.go_on.set()
    wait_for(lambda: not work.is_busy)
    assert work.look(key).state == "done"
    work.start([run], Broken())
    wait_for(lambda: work.look(key).is_over)
    assert (work.look(key).state, "no weights" in work.look(key).what) == ("failed", True)
