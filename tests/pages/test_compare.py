"""The Compare page under AppTest: on the shipped runs, on fake ones, and on whatever a URL may hold."""

import json
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
from fakes import FAKE_SPEC, FakeEncoder, FakeSampler, make_plan, make_question
from page_testing import button, html, in_url, open_page, settled, words

from dashboard import cache
from dashboard.comparison import shown as comparison
from homog_core import files
from homog_core.records import Decoding, Question
from homog_core.runs import store, strip
from homog_core.runs.importers import import_file
from homog_core.runs.importers.notes import About
from homog_core.runs.questions import load_questions
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run

BASE_RUN, SFT_RUN, CONTROL_RUN, DPO_RUN = (
    "gemma-3-270m--facts--c168bbdbbe",
    "gemma-3-270m-sft--facts--f56e44327e",
    "gemma-3-270m-sft-continued--facts--fa80ce6958",
    "gemma-3-270m-dpo--facts--2493e7c049",
)
QUESTIONS = [make_question(f"q{n}", f"Which animal is number {n}?") for n in range(3)]
BASE = {"q0": ("a fox", "a seal", "a whale"), "q1": ("a fox", "a fox", "a seal"), "q2": ("a *fox* <b>",)}
DPO = {"q0": ("a fox",), "q1": ("a fox",), "q2": ("a seal",)}


@pytest.fixture(autouse=True)
def no_umap(monkeypatch):
    """Maps are by MDS, so that no test waits for UMAP to be compiled."""
    monkeypatch.setattr(cache, "umap_warm_up", lambda: SimpleNamespace(ready=threading.Event()))


def fake_run(key, answers=BASE, questions=QUESTIONS, score=True, **decoding):
    sampler = FakeSampler(answers, replace(FAKE_SPEC, key=key))
    run = sample_run(sampler, questions, Decoding(**{"n_samples": 3} | decoding), "plain")
    return (score_run(run.id, [FakeEncoder()]) if score else run).id


# On the shipped runs


def test_a_run_that_fails_the_check_of_its_sampler_says_so(tmp_path):
    ids = []
    for name, answers in {"fine": ["a fox", "a seal", "a whale"], "cached": ["so it is " * 6] * 3}.items():
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps({"question": f"{i}?", "answers": answers}) + "\n" for i in range(3)))
        run = import_file(path, About(name, "animals"))
        ids.append(score_run(run.id, [FakeEncoder()]).id)
    app = open_page("compare", runs=",".join(ids))
    assert not app.exception
    (warning,) = app.warning
    assert warning.value.startswith("cached\\: Of 6 answers after the first")


def test_it_opens_with_the_base_and_the_dpo_run_and_offers_the_chain():
    app = open_page("compare")
    assert not app.exception
    assert in_url(app, "runs") == f"{BASE_RUN},{DPO_RUN}"
    shown = words(app)
    assert "of 627 questions gemma-3-270m-dpo gives fewer different answers than gemma-3-270m (base)" in shown
    assert "question 1 of 627 by size of robust change" in shown
    assert "at least 9 fewer different answers: all clusterers agree" in shown
    button(app, "base → SFT → control → DPO").click().run()
    assert not app.exception
    assert in_url(app, "runs") == f"{BASE_RUN},{SFT_RUN},{CONTROL_RUN},{DPO_RUN}"
    assert words(app).count("→") > shown.count("→")
    assert not [one for one in app.button if "chain" in one.label]


def test_the_tests_over_all_questions_are_one_click_away():
    shown = words(open_page("compare", level="all", chart="tests"))
    assert "differences are larger than chance alone would give" in shown


def test_more_runs_than_can_stand_side_by_side_are_one_click_away():
    (link,) = [
        one.proto for one in open_page("compare").get("page_link") if "runs over these questions" in one.proto.label
    ]
    assert "view=models" in link.query_string


def test_swap_and_next_change_the_url():
    app = open_page("compare", runs=f"{BASE_RUN},{DPO_RUN}", clusterer="jaccard")
    button(app, "Swap").click().run()
    assert in_url(app, "runs") == f"{DPO_RUN},{BASE_RUN}"
    assert "gives more different answers than gemma-3-270m-dpo" in words(app)
    button(app, "Next").click().run()
    assert not app.exception
    assert "question 2 of 627 by size of robust change" in words(app)
    assert in_url(app, "question")


# On fake runs


@pytest.fixture
def pair(no_shipped_runs):
    return fake_run("base"), fake_run("dpo", DPO)


def test_one_question_of_two_runs(pair):
    app = open_page("compare", runs=",".join(pair), clusterer="embedding/fake", question="q0")
    assert not app.exception
    shown = words(app)
    assert "2.0 → 1.0 different answers per question" in shown
    assert "##### 3 → 1 different answers" in shown
    assert "The runs differ in the model (base / dpo). Everything else is the same." in shown
    assert "a whale" in html(app)
    assert "×3" in html(app)
    where = {"runs": ",".join(pair), "clusterer": "embedding/fake", "question": "q0"}
    assert "3 → 1 different wordings on one map" in words(settled(open_page("compare", view="map", **where)))
    shown = words(open_page("compare", level="all", chart="tests", **where))
    assert "Fewer different answers on 2 of 3 questions, more on 0" in shown
    assert "Only 3 questions: read with care" in shown


def test_nothing_is_compared_across_runs_but_for_the_map(pair, monkeypatch):
    asked, real = [], comparison.joint
    monkeypatch.setattr(comparison, "joint", lambda *how: asked.append(how) or real(*how))
    where = {"runs": ",".join(pair), "question": "q1"}
    for view in ("answers", "tree", "tokens"):
        assert not open_page("compare", view=view, **where).exception
    assert not asked
    assert not settled(open_page("compare", view="map", **where)).exception
    assert len(asked) == 1


def test_model_text_is_escaped(pair):
    app = open_page("compare", runs=",".join(pair), question="q2")
    assert not app.exception
    assert "a *fox* &lt;b&gt;" in html(app)
    assert "<b>  " not in html(app)


def test_search_narrows_the_list_and_says_when_nothing_is_left(pair):
    app = open_page("compare", runs=",".join(pair))
    app.text_input(key="compare-search").set_value("zzzz").run()
    assert "No question matches" in words(app)
    app.text_input(key="compare-search").set_value("whale").run()
    assert "question 1 of 1 by size" in words(app)


def test_a_run_alone_gets_a_sentence_and_what_it_can_be_compared_with(pair):
    fake_run("other", n_samples=5)
    app = open_page("compare", runs=pair[0])
    assert not app.exception
    assert "One run alone has nothing to be compared with" in words(app)
    offered = [one for one in app.button if one.key.startswith("with-")]
    assert [one.key for one in offered] == [f"with-{pair[1]}"]
    offered[0].click().run()
    assert in_url(app, "runs") == ",".join(pair)
    assert "different answers per question" in words(app)


def test_no_run_and_none_chosen(no_shipped_runs):
    assert "There are no runs yet" in words(open_page("compare"))
    fake_run("base")
    app = open_page("compare", runs="")
    assert not app.exception
    assert "One run alone" in words(app)
    assert "There is no other run over the same questions" in words(app)


def test_runs_that_cannot_be_compared_get_one_sentence(pair):
    five = fake_run("five", n_samples=5)
    assert "was asked 3 times a question" in words(open_page("compare", runs=f"{pair[0]},{five}"))
    other = fake_run("other", questions=[Question("q0", "elsewhere", "Which?")])
    assert "answered the questions of test" in words(open_page("compare", runs=f"{pair[0]},{other}"))
    disjoint = fake_run("disjoint", {}, [make_question("q9")])
    app = open_page("compare", runs=f"{pair[0]},{disjoint}")
    assert not app.exception
    assert "no question in common" in words(app)


def test_a_run_that_is_not_scored_is_compared_by_words_without_tests(pair):
    raw = fake_run("raw", DPO, score=False)
    app = open_page("compare", runs=f"{pair[0]},{raw}", clusterer="embedding/fake", level="all", chart="tests")
    assert not app.exception
    shown = words(app)
    assert "raw (base) has not been scored" in shown
    assert f"python -m homog_core score {raw}" in shown
    assert "different answers per question" in shown
    assert app.selectbox(key="widget:clusterer").options == ["same words (Jaccard)"]


def test_a_run_that_is_being_written(pair):
    sampler = FakeSampler(DPO, replace(FAKE_SPEC, key="half"))
    with make_plan(QUESTIONS, Decoding(n_samples=3), sampler.spec).open() as writer:
        app = open_page("compare", runs=f"{pair[0]},{writer.run.id}")
        assert not app.exception
        assert "has no answers yet: it is being sampled" in words(app)
        for step in sampler.sample(QUESTIONS[:1], Decoding(n_samples=3), "plain"):
            for finished in step.finished:
                writer.append(finished)
        app = open_page("compare", runs=f"{pair[0]},{writer.run.id}", level="all")
        assert not app.exception
        assert "Over the 1 question that all runs have" in words(app)


def test_questions_answered_since_a_run_was_scored_are_undefined(no_shipped_runs):
    first, second = fake_run("base", questions=QUESTIONS[:2]), fake_run("dpo", DPO)
    table = store.open_run(second)
    similarities = table.table("similarities")
    table.write_table("similarities", similarities[similarities["question_id"] != "q0"])
    app = open_page("compare", runs=f"{first},{second}", clusterer="embedding/fake", question="q0")
    assert not app.exception
    assert "answered since it was scored" in words(app)


def test_a_dataset_whose_sentences_are_not_here_is_shown_by_ids(no_shipped_runs, tmp_path, monkeypatch):
    header = "Type,Category,Question,Best Answer,Correct Answers,Incorrect Answers,Source\n"
    (tmp_path / "truthfulqa.csv").write_text(f"{header}A,Myths,Do walls hear?,No,They have no ears,Yes,\n")
    monkeypatch.setenv("HOMOG_DATA", str(tmp_path))
    questions = load_questions("truthfulqa")
    answers = {question.id: ("yes", "no", "maybe") for question in questions}
    runs = [fake_run("base", answers, questions), fake_run("dpo", {}, questions)]
    for run_id in runs:
        strip.strip(run_id)
    folders = files.dataset_folders
    monkeypatch.setattr(files, "dataset_folders", list)
    where = {"runs": ",".join(runs), "clusterer": "embedding/fake"}
    app = settled(open_page("compare", view="map", **where))
    assert not app.exception
    shown = words(app)
    assert f"#### {questions[0].id}" in shown
    assert "The sentences of TruthfulQA are not stored with the runs" in shown
    assert "here they are by “same words (Jaccard)”" in shown  # the vectors are gone as well
    assert "differences are larger" in words(open_page("compare", level="all", chart="tests", **where))
    monkeypatch.setattr(files, "dataset_folders", folders)  # the dataset arrives while the server runs
    shown = words(settled(open_page("compare", view="map", **where)))
    assert "Do walls hear?" in shown
    assert "are not stored with the runs" not in shown
