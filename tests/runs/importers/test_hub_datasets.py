"""Data sets of the hub by name: the real client, and a hub on loopback."""

import json

import pytest
from fake_hub import COMMIT, FakeHub, Refusal
from fakes import FakeEncoder
from huggingface_hub import constants, file_download

from homog_core.cli import main, scoring
from homog_core.errors import HomogError, InvalidInput, NotFound
from homog_core.runs.importers import hub as names
from homog_core.runs.store import list_runs

pytestmark = pytest.mark.usefixtures("no_shipped_runs")

ROWS = "".join(
    json.dumps({"q": f"Who sings {i}?", "sampled": ["The choir.", "Nobody."]}) + "\n" for i in range(3)
).encode()
MOST = 1 << 20


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with one data set; the client's cache is empty."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(file_download.time, "sleep", lambda seconds: None)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeHub("nobody/songs", {"README.md": b"a card", "data/train.jsonl": ROWS}, "dataset").serving() as served:
        monkeypatch.setattr(constants, "ENDPOINT", served.url)
        template = served.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield served


@pytest.mark.parametrize("text", ["nobody/songs", "hf://datasets/nobody/songs/data/train.jsonl"])
def test_a_data_set_of_the_hub_becomes_a_run_that_keeps_its_commit(hub, text, monkeypatch, capsys):
    monkeypatch.setattr(scoring, "_encoders", lambda options: [FakeEncoder()])
    columns = ["--column", "question=q", "--column", "answers=sampled", "--model", "choir"]
    assert main(["import", text, *columns, "--json"]) == 0
    (run,) = list_runs()
    assert run.provenance.imported_from == f"hf://datasets/nobody/songs@{COMMIT}/data/train.jsonl"
    assert (run.identity.dataset, run.identity.n_questions, run.decoding.n_samples) == ("songs", 3, 2)
    assert "the column `q` is read as `question`" in capsys.readouterr().err
    assert hub.fetched == {"data/train.jsonl"}


def test_a_path_of_this_machine_is_never_asked_of_the_hub(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "study").mkdir(parents=True)
    paths = ("data/study", "answers.jsonl", "data/answers.jsonl.gz", "./nobody/songs", "/nobody/songs", "a/b/c")
    assert [names.hub_name(path) for path in paths] == [None] * len(paths)
    assert names.hub_name("hf://datasets/a/b@v1/c/d.csv") == names.HubName("a/b", "v1", "c/d.csv")
    with pytest.raises(InvalidInput, match="hf://datasets/OWNER/NAME/FILE"):
        names.hub_name("hf://spaces/a/b")


def test_what_the_hub_does_not_have_or_refuses_is_one_sentence(hub):
    def fails(text, error, match, most=MOST):
        with pytest.raises(error, match=match):
            names.fetch(names.hub_name(text), most)

    fails(
        "hf://datasets/nobody/songs/data/test.jsonl",
        NotFound,
        r"there are hf://datasets/nobody/songs/data/train\.jsonl",
    )
    fails("nobody/songs", InvalidInput, "the limit is 10;", 10)
    fails("nobody/else", NotFound, "has no data set 'nobody/else'")
    hub.files["data/test.jsonl"] = ROWS
    fails("nobody/songs", InvalidInput, "2 files of data; name one: hf://")
    hub.refuse = lambda path: Refusal(403, {"X-Error-Code": "GatedRepo"})
    fails("nobody/songs", HomogError, "accept it there")
    hub.refuse = lambda path: Refusal(500)
    fails("nobody/songs", HomogError, "answers 500")


def test_without_a_network_the_sentence_says_so(hub, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HomogError, match="connect to the network, or import a file that you have"):
        names.fetch(names.hub_name("nobody/songs"), MOST)
