"""The HTML report: every answer is in it, escaped; its numbers are those of the library; it loads nothing."""

import json
import os
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fakes import FAKE_SPEC, FakeEncoder, FakeNli, FakeSampler, make_plan, make_responses, without_sentences
from html_reader import Reader, loads_nothing

from homog_core import files
from homog_core.analysis import compare
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.summary import summarise
from homog_core.errors import HomogError, InvalidInput
from homog_core.measures.clustering import Clusterer
from homog_core.records import Decoding, Question
from homog_core.reports.html import report_html, write_report
from homog_core.runs import importers, store
from homog_core.runs.importers import jsonl
from homog_core.runs.importers.notes import About
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run

pytestmark = pytest.mark.usefixtures("no_shipped_runs")

EVIL = "</script><script>alert(1)</script><img src=http://x/y onerror=alert(1)>\u202e"
MADE = datetime(2025, 3, 4, tzinfo=UTC)
QUESTIONS = [
    Question("right", "test", "Which <b>fox</b>?", ("a red fox",), (), "animals"),
    Question("evil", "test", f"Why {EVIL}?", (EVIL,), (), "<i>"),
    Question("quiet", "test", "Is it quiet?"),
    *(Question(f"q{n}", "test", f"What is number {n}?", ("red fox" if n % 2 else "seal",)) for n in range(12)),
]
ANSWERS = {
    "right": ("a red fox", "a red fox", "a whale"),
    "evil": (EVIL, "b", EVIL),
    "quiet": ("", "", "only one"),
    **{f"q{n}": ("red fox", "red fox", "seal" if n % 3 else "red fox") for n in range(12)},
}
ONE = {key: (answers[0],) for key, answers in ANSWERS.items()}


def fake_run(key="fake", answers=ANSWERS, questions=QUESTIONS, score=True, **decoding):
    sampler = FakeSampler(answers, replace(FAKE_SPEC, key=key))
    run = sample_run(sampler, questions, Decoding(**{"n_samples": 3} | decoding), "plain")
    return score_run(run.id, [FakeEncoder()]) if score else run


def texts(page):
    return " ".join(" ".join(Reader(page).texts).split())


def figures(page):
    return json.loads(Reader(page).raw["script"][0])


def is_safe(page):
    """No element, attribute or script that the program did not write itself."""
    read = Reader(page)
    assert read.tags.count("script") == 3
    assert not {"img", "iframe", "object", "embed", "link", "form", "b", "i"} & set(read.tags)
    assert not [name for _, name, _ in read.attributes if name.startswith("on")]
    assert loads_nothing(page)
    return True


# One run


def test_the_report_of_a_run_holds_every_question_and_every_answer():
    page = report_html([fake_run()], MADE)
    read, said = Reader(page), texts(page)
    assert read.tags.count("article") == len(QUESTIONS)
    assert "fake (base) on test" in said
    assert "Made on 4 March 2025" in said
    assert "3 answers, 2 clusters · semantic entropy 0.64 nats" in said  # ln 3 − (2/3) ln 2 = 0.6365
    assert "clusters undefined: fewer than two answers" in said
    assert "× 2 (empty or ended in an error: in no cluster)" in said
    assert "greedy answer ✓ correct" in said
    assert "correct: a red fox" in said
    assert is_safe(page)


def test_what_models_and_datasets_wrote_is_escaped():
    page = report_html([fake_run(key=EVIL)], MADE)
    assert is_safe(page)
    assert "".join(Reader(page).texts).count(EVIL) >= 6  # name, question, reference, greedy answer, both samples
    (policy,) = [value for value in Reader(page).values("content") if "default-src" in value]
    assert "'unsafe-inline'" not in policy.partition("script-src")[2]


def test_its_numbers_are_those_of_the_library():
    run = fake_run()
    said = texts(report_html([run], MADE))
    scored = ScoredRun(run)
    found, best = summarise(scored), scored.clusterer.key
    rate = found.estimates[f"single_cluster_rate@{best}"]
    value, low, high = (f"{100 * share:.1f} %" for share in (rate.value, rate.low, rate.high))
    assert f"{value} 95 % interval {low} to {high}, n = {rate.n}: few questions, read with care" in said
    assert f"as scored {value} [{low}, {high}], only {rate.n}" in said
    auroc = next(row.auroc for row in found.scores if row.score == f"discrete_semantic_entropy@{best}")
    assert f"semantic entropy {best} {auroc.value:.2f}" in said
    assert str(found.saving) in said  # too few of a class
    assert "no signal: all scores tie" in said  # every token of a fake model has the same entropy
    assert "What is missing: NLI scores" in said


def test_its_charts_say_what_they_show():
    drawn = figures(report_html([fake_run()], MADE))
    assert list(drawn) == ["coverage", "auroc", "threshold", "budget"]
    hovers = {key: " ".join(str(trace.get("hovertext")) for trace in figure["data"]) for key, figure in drawn.items()}
    assert "token entropy<" in hovers["auroc"]
    assert re.search(r"fake \(base\)</b><br>0\.85: [\d.]+ % \[[\d.]+ %, [\d.]+ %\]", hovers["threshold"])
    assert re.search(r"fake \(base\)</b><br>3: [\d.]+ \[[\d.]+, [\d.]+\]", hovers["budget"])
    assert "answering 50 %: " in hovers["coverage"]


def test_that_an_nli_model_is_missing_stands_in_the_chart_of_one_run_alone():
    def words(runs):
        return [text for trace in figures(report_html(runs, MADE))["auroc"]["data"] for text in trace.get("text", [])]

    assert " needs an NLI model" in words([fake_run()])
    assert " needs an NLI model" not in words([fake_run(), fake_run("b")])


def test_the_same_run_gives_the_same_file():
    run = fake_run()
    assert report_html([run], MADE) == report_html([run], MADE)


def test_it_states_its_size(tmp_path):
    path = write_report([fake_run()], tmp_path / "a.html")
    stated = re.search(r"This file has ([\d.]+) MB, of which ([\d.]+) MB are plotly.js", path.read_text()).groups()
    assert float(stated[0]) == pytest.approx(path.stat().st_size / 1e6, abs=0.06)
    assert 0 < float(stated[0]) - float(stated[1]) < 1


def test_progress_is_told():
    told = []
    report_html([fake_run()], MADE, on_progress=lambda *step: told.append(step))
    assert told[0] == ("Reading", 1, 1)
    assert told[-1] == ("Questions", len(QUESTIONS), len(QUESTIONS))


def test_a_question_whose_sentence_is_not_here_is_called_by_its_id(monkeypatch):
    questions = [Question(f"t-{n}", "triviaqa", f"Who is {n}?") for n in range(3)]
    run = fake_run(answers={}, questions=questions)
    without_sentences(run.folder, references=[], prompt="Q: {question}\nA:")
    monkeypatch.setattr(files, "dataset_folders", list)
    said = texts(report_html([store.open_run(run.id)], MADE))
    assert "1 · t-0" in said
    assert "The sentences of TriviaQA are not stored with the run" in said


def test_an_imported_run_of_texts_alone_has_a_report():
    run = importers.import_upload("a.jsonl", jsonl.EXAMPLE_JSONL.encode(), About("m"))
    page = report_html([score_run(run.id, [FakeEncoder()])], MADE)
    assert all(f'id="chart-{key}"' in page for key in figures(page))  # one without a place stops all after it
    said = texts(page)
    assert "unknown prompt · imported" in said
    assert re.search("Undefined for these answers: [^.]*Token entropy of the greedy answer, nats", said)


def test_a_run_of_one_question_and_one_answer_has_a_report():
    run = fake_run(questions=QUESTIONS[:1], n_samples=1)
    said = texts(report_html([run], MADE))
    assert "Undefined for these answers: Questions with a single cluster" in said


def test_a_question_that_was_answered_since_the_run_was_scored_is_not_clustered(monkeypatch):
    by_vectors = Clusterer("embedding", 0.85, "fake")  # words alone can be compared at any time
    monkeypatch.setattr(compare, "common_clusterers", lambda runs: [by_vectors])
    decoding = Decoding(n_samples=3)
    with make_plan(QUESTIONS, decoding).open() as writer:
        writer.append(make_responses(QUESTIONS[0], ANSWERS["right"], decoding))
    score_run(writer.run.id, [FakeEncoder()])
    with make_plan(QUESTIONS, decoding).open() as writer:
        writer.append(make_responses(QUESTIONS[3], ["red fox", "seal", "whale"], decoding))
        page = report_html([writer.run], MADE)
    assert texts(page).count("not clustered: This question has been answered since it was scored") == 1
    assert Reader(page).values("class").count("strip") == 1
    assert "is being sampled, or was killed" in texts(page)


def test_a_clusterer_without_thresholds_has_no_threshold_curve(monkeypatch):
    sampler = FakeSampler(ANSWERS)
    run = sample_run(sampler, QUESTIONS, Decoding(n_samples=3), "plain")
    run = score_run(run.id, [FakeEncoder()], FakeNli({}))
    by_nli = Clusterer("nli", 0.0, "scripted")
    monkeypatch.setattr(compare, "common_clusterers", lambda runs: [by_nli])
    page = report_html([run], MADE)
    assert "threshold" not in figures(page)
    assert "chart-threshold" not in page
    assert "nli, bidirectional · scripted" in texts(page)
    assert "What is missing" not in texts(page)


def test_a_run_that_is_not_scored_says_how():
    with pytest.raises(HomogError, match="has not been scored; run `python -m homog_core score"):
        report_html([fake_run(score=False)], MADE)


# A comparison


def test_the_report_of_a_comparison():
    base, aligned = fake_run("base-model"), fake_run("aligned-model", ONE)
    page = report_html([base, aligned], MADE)
    said = texts(page)
    assert "base-model → aligned-model (base) on test" in said
    assert "aligned-model (base) gives fewer different answers than base-model" in said
    assert "The runs differ in the model (base-model / aligned-model)" in said
    assert "From base-model to aligned-model (base), question by question" in said
    assert re.search(r"Fewer different answers on \d+ of 14 questions", said)
    assert "Wilcoxon signed-rank" in said
    assert "McNemar, exact" in said
    assert Reader(page).tags.count("article") == len(QUESTIONS)
    assert Reader(page).values("class").count("name") == 2 * len(QUESTIONS)
    assert list(figures(page)) == ["slopes", "auroc", "threshold", "budget"]
    assert is_safe(page)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: [], "one to 4 different runs, not of 0"),
        (lambda: [run := fake_run(), run], "one to 4 different runs, not of 2"),
        (lambda: [fake_run(), fake_run("b", n_samples=2)], "was asked 3 times a question"),
        (lambda: [fake_run(), fake_run("b", questions=[replace(QUESTIONS[0], dataset="other")])], "of one dataset"),
        (lambda: [fake_run(questions=QUESTIONS[:1]), fake_run("b", questions=QUESTIONS[3:4])], "no question in common"),
        (lambda: [fake_run(str(n)) for n in range(5)], "one to 4 different runs, not of 5"),
    ],
)
def test_runs_that_do_not_go_together_are_refused(make, message):
    with pytest.raises(InvalidInput, match=message):
        report_html(make(), MADE)


# The file


def test_a_place_that_cannot_hold_a_file_is_refused(tmp_path):
    for target in (tmp_path, tmp_path / "missing" / "a.html"):
        with pytest.raises(InvalidInput, match="cannot be written; name a file in a folder that exists"):
            write_report([], target)


def test_a_report_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    def full_disk(source, target):
        raise OSError(28, "No space left on device")

    run, target = fake_run(), tmp_path / "a.html"
    target.write_text("old")
    with monkeypatch.context() as patch, pytest.raises(HomogError, match="could not be written"):
        patch.setattr(os, "replace", full_disk)
        write_report([run], target)
    assert target.read_text() == "old"
    assert [name for name in os.listdir(tmp_path) if name.endswith(".partial")] == []
    assert write_report([run], target).read_text().startswith("<!doctype html>")
