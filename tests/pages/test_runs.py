"""The Runs page under AppTest: shipped and fake runs, damage, imports that are not what they say, exports."""

import csv
import io
import json
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
from fakes import FAKE_SPEC, FakeEncoder, FakeSampler, make_plan, make_question, make_responses
from page_testing import button, html, in_url, open_page, words
from streamlit.testing.v1 import AppTest

from dashboard import cache, page, scoring
from dashboard.scoring import LOCK
from homog_core import files
from homog_core.records import Decoding
from homog_core.runs import store
from homog_core.runs.importers import import_file, jsonl
from homog_core.runs.importers.notes import About
from homog_core.runs.importers.study import EXAMPLE_TOML
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.wording import run_card

DPO_RUN = "gemma-3-270m-dpo--facts--2493e7c049"
QUESTIONS = [make_question("one"), make_question("two")]


@pytest.fixture(autouse=True)
def no_models(monkeypatch):
    """No model is loaded and UMAP is not compiled. The page is not handed over to app.py, which would lose a click."""
    monkeypatch.setattr(page, "_hand_over_to_app", lambda: None)
    monkeypatch.setattr(scoring, "sentence_encoder", lambda key: FakeEncoder())
    monkeypatch.setattr(cache, "umap_warm_up", lambda: SimpleNamespace(ready=threading.Event()))


def fake_run(key="fake", score=True, **decoding):
    sampler = FakeSampler({}, replace(FAKE_SPEC, key=key))
    run = sample_run(sampler, QUESTIONS, Decoding(**{"n_samples": 3} | decoding), "plain")
    return score_run(run.id, [FakeEncoder()]) if score else run


# What is shown


def test_the_sampler_is_judged_by_the_answers_own_probabilities(tmp_path):
    assert "2,735 repeat an earlier one word for word" in words(open_page("runs", run=DPO_RUN))
    path, answer = tmp_path / "theirs.jsonl", "so it is " * 6
    path.write_text("".join(json.dumps({"question": f"{i}?", "answers": [answer] * 3}) + "\n" for i in range(3)))
    run = import_file(path, About("cached"))
    (warning,) = open_page("runs", run=run.id).warning
    assert "look for a fixed seed or a cache" in warning.value


def test_it_lists_every_run_and_opens_the_one_of_the_url():
    app = open_page("runs", run=DPO_RUN)
    assert not app.exception
    assert app.title[0].value == "Runs"
    listed = app.dataframe[0].value
    assert len(listed) == len(run_card.run_rows())
    opened = listed[listed["open"] != ""]  # the one that is open, and no other
    assert list(opened["model"]) == ["gemma-3-270m-dpo"]
    last = run_card.run_rows()[-1]
    assert open_page("runs", run=last["run"]).dataframe[0].value.iloc[0][["open", "model"]].tolist() == [
        "▶",
        last["model"],
    ]
    assert "gemma-3-270m-dpo" in set(listed["model"])
    assert "gemma-3-270m-sft (SFT) → gemma-3-270m-dpo (DPO, this run)" in html(app)
    assert any("Model card of" in one.label for one in app.expander)
    assert "Direct preference optimisation" in words(app)
    links = {link.proto.page: link.proto.query_string for link in app.get("page_link")}
    assert links["questions"] == f"run={DPO_RUN}"
    assert "runs=" in links["compare"]


@pytest.mark.usefixtures("no_shipped_runs")
def test_without_runs_it_says_what_to_do():
    app = open_page("runs")
    assert not app.exception
    assert "There are no runs yet" in words(app)


@pytest.mark.usefixtures("no_shipped_runs")
def test_the_filter_narrows_the_list_and_keeps_the_run_of_the_url():
    first, _ = fake_run("some-fox"), fake_run("other-whale")
    app = open_page("runs", run=first.id)
    app.text_input(key="runs-filter").set_value("WHALE").run()
    assert not app.exception
    assert list(app.dataframe[0].value["model"]) == ["other-whale"]
    assert "1 of 2 runs" in words(app)
    assert in_url(app, "run") == first.id
    app.text_input(key="runs-filter").set_value("zzzz").run()
    assert "No run matches" in words(app)


@pytest.mark.usefixtures("no_shipped_runs")
def test_a_damaged_run_is_listed_with_what_is_wrong():
    good, broken = fake_run("good"), fake_run("broken")
    (broken.folder / "manifest.json").write_text('{"format": 1')
    app = open_page("runs", run=broken.id)
    assert not app.exception
    assert list(app.dataframe[0].value["status"]) == ["complete", "damaged"]
    assert "2 runs, 1 of them damaged" in words(app)
    assert f"manifest.json of run {broken.id} is damaged" in words(app)
    assert not open_page("runs", run=good.id).exception


@pytest.mark.usefixtures("no_shipped_runs")
@pytest.mark.parametrize(
    ("page", "param"), [("questions", "run"), ("compare", "runs"), ("map", "runs"), ("alignment_tax", "runs")]
)
def test_a_link_to_a_damaged_run_shows_no_other_run(page, param):
    good, broken = fake_run("good"), fake_run("broken")
    (broken.folder / "manifest.json").write_text('{"format": 1')
    app = open_page(page, **{param: broken.id})
    assert not app.exception
    assert f"manifest.json of run {broken.id} is damaged" in app.error[0].value.replace("\\", "")
    assert not app.get("plotly_chart") and not app.dataframe
    button(app, "Show another run").click().run()
    assert not app.error
    assert broken.id not in in_url(app, param)
    assert good.id


@pytest.mark.usefixtures("no_shipped_runs")
@pytest.mark.parametrize("name", ["questions.parquet", "responses-*.parquet", "scores.parquet"])
def test_a_run_with_a_damaged_file_is_shown_and_verify_names_it(name):
    run = fake_run()
    (path,) = run.folder.glob(name)
    path.write_bytes(b"PAR1 and no more")
    app = open_page("runs", run=run.id)
    button(app, "Verify").click().run()
    assert not app.exception
    assert f"{path.name} of run {run.id} is damaged" in words(app)


@pytest.mark.usefixtures("no_shipped_runs")
def test_verify_says_when_nothing_is_wrong():
    run = fake_run()
    app = open_page("runs", run=run.id)
    button(app, "Verify").click().run()
    assert f"Nothing is wrong with {run.id}" in app.success[0].value.replace("\\", "")


@pytest.mark.usefixtures("no_shipped_runs")
def test_a_run_that_is_being_written_says_how_far_it_is():
    decoding = Decoding(n_samples=2)
    with make_plan(QUESTIONS, decoding).open() as writer:
        writer.append(make_responses(QUESTIONS[0], ["a fox"], decoding))
        app = open_page("runs", run=writer.run.id)
        assert not app.exception
        assert "is being sampled, or was killed" in words(app)
        assert not [one for one in app.button if one.label == "Score it now"]
        button(app, "Prepare the file").click().run()
        assert not app.exception
        assert "has not been scored" in words(app)


@pytest.mark.usefixtures("no_shipped_runs")
def test_an_unscored_run_is_scored_by_a_button():
    run = fake_run(score=False)
    app = open_page("runs", run=run.id)
    assert "has not been scored" in words(app)
    button(app, "Score it now").click().run()
    assert not app.exception
    assert run_card.scored_state(run) == "yes"
    assert not [one for one in app.button if one.label == "Score it now"]


# Out


@pytest.mark.usefixtures("no_shipped_runs")
@pytest.mark.parametrize("format", ["html", "jsonl", "parquet", "csv"])
def test_a_file_is_prepared_only_on_demand(format, monkeypatch):
    run = fake_run()
    app = open_page("runs", run=run.id)
    app.segmented_control(key="export-format").set_value(format).run()
    assert [one.label for one in app.download_button] == ["Download the example file"]
    button(app, "Prepare the file").click().run()
    assert not app.exception
    prepared = app.session_state["prepared"]
    assert prepared.name == f"{run.id}.{format}"
    assert any(one.label.startswith("Download ") and "example" not in one.label for one in app.download_button)
    if format == "jsonl":
        assert [json.loads(line)["id"] for line in prepared.content.splitlines()] == ["one", "two"]
    elif format == "csv":
        assert len(list(csv.DictReader(io.StringIO(prepared.content.decode())))) == 8
    elif format == "html":
        assert prepared.content.startswith(b"<!doctype html>")
    (run.folder / "clusters.parquet").touch()  # the run has changed since
    app.run()
    assert [one.label for one in app.download_button] == ["Download the example file"]


@pytest.mark.usefixtures("no_shipped_runs")
def test_a_report_of_a_comparison_can_be_prepared():
    first, second = fake_run("first"), fake_run("second")
    fake_run("other-number", n_samples=2)
    app = open_page("runs", run=first.id)
    (beside,) = app.multiselect
    assert len(beside.options) == 1  # not the one with another number of answers
    beside.set_value([second.id]).run()
    button(app, "Prepare the file").click().run()
    assert not app.exception
    assert b"first (base) \xe2\x86\x92 second (base)" in app.session_state["prepared"].content


# In


def upload(app: AppTest, name: str, content: bytes, model: str = "my model") -> AppTest:
    app.file_uploader[0].set_value([(name, content, "application/octet-stream")]).run()
    app.text_input(key="import-model").set_value(model).run()
    button(app, "Import and score").click().run()
    assert not app.exception
    return app


@pytest.mark.usefixtures("no_shipped_runs")
def test_an_upload_becomes_a_scored_run_that_is_shown(own_cache):
    app = upload(open_page("runs"), "mine.jsonl", jsonl.EXAMPLE_JSONL.encode(), "My <b>model</b>")
    (run,) = store.list_runs()
    assert in_url(app, "run") == run.id
    assert run_card.scored_state(run) == "yes"
    assert f"Imported. This is the run {run.id}." in app.success[0].value.replace("\\", "")
    assert "· imported" in words(app)
    assert "<b>model" not in html(app)
    again = upload(app, "other.jsonl", jsonl.EXAMPLE_JSONL.encode(), "My <b>model</b>")  # its dataset: other
    assert len(store.list_runs()) == 2
    assert again.success[0].value.startswith("Imported")


@pytest.mark.usefixtures("no_shipped_runs")
def test_what_an_upload_leaves_out_is_shown_and_its_lineage_is_kept():
    app = open_page("runs")
    app.selectbox(key="import-stage").set_value("sft").run()
    app.text_input(key="import-parent").set_value("my base").run()
    app = upload(app, "mine.jsonl", jsonl.EXAMPLE_JSONL.encode() + b"{}\n", "my model")
    (run,) = store.list_runs()
    assert (run.provenance.stage, run.provenance.parent) == ("sft", "my base")
    (shown,) = [one.value for one in app.dataframe if "times" in one.value.columns]
    left_out, to_grade = shown["what"]
    assert left_out == "rows that could not be read, left out"
    assert "no greedy answer" in to_grade  # the second question of the example has references and none
    assert shown["first"][0].startswith("mine.jsonl, line 3: there is no `question`")


@pytest.mark.usefixtures("no_shipped_runs")
def test_marks_of_a_model_are_left_out_of_an_upload_and_the_card_says_so():
    content = json.dumps({"question": "Why?", "answers": ["<plan>hm</plan>A: fox", "fox"]}).encode()
    app = open_page("runs")
    for key, mark in {"opening": "<plan>", "prefix": "A:"}.items():
        app.text_input(key=f"import-{key}").set_value(mark).run()
    app = upload(app, "mine.jsonl", content)
    assert "is no mark that can be left out" in app.error[0].value  # reasoning that nothing closes
    assert store.list_runs() == []
    app.text_input(key="import-closing").set_value("</plan>").run()
    app = upload(app, "mine.jsonl", content)
    (run,) = store.list_runs()
    assert list(run.table("scores")["num_semantic_sets@jaccard"]) == [1]
    assert "reasoning from &lt;plan&gt; to &lt;/plan&gt; and the prefix A:" in html(app)


@pytest.mark.usefixtures("no_shipped_runs")
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("../../evil.jsonl", b"{}", "is not the plain name of a file"),
        ("picture.png", b"\x89PNG", "this is not UTF-8 text"),
        ("picture.jsonl", b"\x89PNG\r\n", "this is not UTF-8 text"),
        ("text.jsonl", b'{"question": "Why?", "answers": "a"}', "`answers`: it must be a list, not a text"),
        ("<b>.csv", b"question\nWhy?\n", "<b>.csv, line 2: there is no `answers`"),
    ],
)
def test_a_bad_upload_gets_one_sentence_and_leaves_nothing(name, content, message, own_cache):
    app = upload(open_page("runs"), name, content)
    assert len(app.error) == 1
    assert message in app.error[0].value.replace("\\", "")
    assert "\\<b\\>" in app.error[0].value or "<b>" not in name
    assert list(own_cache.rglob("*.parquet")) == []
    assert "There are no runs yet" in words(app)


@pytest.mark.usefixtures("no_shipped_runs")
def test_a_study_is_uploaded_at_once_and_what_it_leaves_out_is_said():
    app = open_page("runs")
    files = {"import.toml": EXAMPLE_TOML.encode(), "base.jsonl": jsonl.EXAMPLE_JSONL.encode(), "<b>.txt": b"x"}
    app.file_uploader[0].set_value([(name, body, "application/octet-stream") for name, body in files.items()]).run()
    button(app, "Import and score").click().run()
    assert not app.exception
    (run,) = store.list_runs()
    assert (run.identity.model, run.identity.dataset, run.provenance.stage) == ("my-base", "open-questions", "base")
    assert run_card.scored_state(run) == "yes"
    assert "Not imported: import.toml names sft.jsonl" in app.error[0].value.replace("\\", "")
    assert "not read: \\<b\\>" in app.warning[0].value


@pytest.mark.usefixtures("no_shipped_runs")
def test_nothing_is_imported_without_a_file_and_a_name():
    app = open_page("runs")
    assert button(app, "Import and score").disabled
    app.text_input(key="import-model").set_value("m").run()
    assert button(app, "Import and score").disabled


@pytest.mark.usefixtures("no_shipped_runs")
def test_one_run_is_scored_at_a_time():
    run = fake_run(score=False)
    app = open_page("runs", run=run.id)
    with LOCK:
        button(app, "Score it now").click().run()
        assert "Another run is being scored" in app.error[0].value
        app = upload(app, "mine.jsonl", jsonl.EXAMPLE_JSONL.encode())  # stored, and to be scored later
    assert "Not scored: Another run is being scored" in app.success[0].value.replace("\\", "")
    assert len(store.list_runs()) == 2


def test_the_limit_of_an_upload_is_said_and_is_that_of_the_server():
    config = (files.PROJECT / ".streamlit" / "config.toml").read_text()
    assert "maxUploadSize = 50" in config
    app = open_page("runs")
    assert "MB" in app.file_uploader[0].label


def test_a_run_of_ones_own_is_deleted_after_a_question(no_shipped_runs):
    kept, gone = fake_run("kept"), fake_run("gone")
    app = open_page("runs", run=gone.id)
    app.button(key="delete").click().run()
    assert not app.exception
    assert list(store.runs_by_id()) == [kept.id]
    assert in_url(app, "run") in ("", kept.id)


def test_a_shipped_run_has_no_button_to_delete_it():
    assert not [one for one in open_page("runs", run=DPO_RUN).button if one.key == "delete"]
