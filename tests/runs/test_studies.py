"""Public studies: fetched and checked, imported, shipped as figures alone, and whole again where the file is."""

import hashlib
import json
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from fakes import FakeEncoder, FakeNli

from homog_core import files
from homog_core.analysis import lineage
from homog_core.analysis.bounds import bounds
from homog_core.analysis.compare import run_statistics
from homog_core.analysis.run_state import Lack, lacks
from homog_core.analysis.sampler_check import sampler_check
from homog_core.analysis.scored_run import ScoredRun
from homog_core.catalogue.studies import STUDIES, StudyFile, StudySpec
from homog_core.errors import CorruptRun, HomogError, InvalidInput, NotFound
from homog_core.runs import contents, store, studies
from homog_core.runs.export import export_run
from homog_core.runs.importers import import_file
from homog_core.runs.score import score_run
from homog_core.runs.sentences import sentences_folder
from homog_core.runs.strip import strip
from homog_core.runs.verify import verify

pytestmark = pytest.mark.usefixtures("no_shipped_runs")

SENTENCES = ("Why do ptarmigan choirs hum?", "They rehearse opera.", "they rehearse opera", "Nobody ever phoned one.")
CONTENT = "".join(
    json.dumps({"id": key, "question": f"{SENTENCES[0]} {key}", "answers": [*SENTENCES[1:], ""]}) + "\n"
    for key in ("q1", "q2")
).encode()


def spec_of(content=CONTENT, address=None):
    file = StudyFile("answers.jsonl", hashlib.sha256(content).hexdigest(), "walrus-7b", address, stage="base")
    return StudySpec("walrus", "Walruses", "example.org/walrus", "none", "Sung.", "herd", "walrus-questions", (file,))


class Server(ThreadingHTTPServer):
    """Serves some bytes under every address, says that they are so many, and counts how often it was asked."""

    content, says, asked = CONTENT, len(CONTENT), 0


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked += 1
        self.send_response(200)
        self.send_header("Content-Length", str(self.server.says))
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, *arguments):
        pass


@contextmanager
def serving():
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server, f"http://127.0.0.1:{server.server_address[1]}/answers"
    finally:
        server.shutdown()
        server.server_close()


def in_folder(tmp_path, content=CONTENT):
    folder = tmp_path / "theirs"
    (folder / "herd").mkdir(parents=True)
    (folder / "herd" / "answers.jsonl").write_bytes(content)
    return folder


def test_a_study_is_fetched_once_and_its_run_says_whose_it_is():
    with serving() as (server, address):
        spec = spec_of(address=address)
        run = studies.get_run(spec, spec.files[0])
        again = studies.get_run(spec, spec.files[0])
    assert (run.id, server.asked) == (again.id, 1)
    assert (run.provenance.study, run.provenance.stage, run.identity.dataset) == ("walrus", "base", "walrus-questions")
    assert sorted(run.responses()["text"])[-1] == "they rehearse opera"


@pytest.mark.parametrize("content, says", [(CONTENT + b"x", len(CONTENT) + 1), (CONTENT[:50], len(CONTENT))])
def test_another_file_and_half_a_file_are_never_read(content, says):
    with serving() as (server, address):
        server.content, server.says = content, says
        spec = spec_of(address=address)
        with pytest.raises(HomogError, match=r"Nothing of it was read|could not be fetched"):
            studies.get_run(spec, spec.files[0])
    assert [path for path in files.cache().rglob("*") if path.is_file()] == []


def test_without_a_network_and_without_an_address_the_sentence_names_the_folder():
    with serving() as (_, address):
        pass
    for spec in (spec_of(address=address), spec_of()):
        with pytest.raises(HomogError, match="homog study get walrus --from FOLDER"):
            studies.get_run(spec, spec.files[0])


def test_a_folder_that_is_named_is_the_only_place(tmp_path):
    spec, folder = spec_of(), in_folder(tmp_path)
    with pytest.raises(NotFound, match=r"herd/answers\.jsonl"):
        studies.get_run(spec, spec.files[0], tmp_path)
    (folder / "herd" / "answers.jsonl").write_bytes(CONTENT + b"\n")
    with pytest.raises(HomogError, match=r"is not the published answers\.jsonl"):
        studies.get_run(spec, spec.files[0], folder)


def stripped(tmp_path, monkeypatch):
    """A scored run before it was stripped, and the stripped one without the sentences."""
    monkeypatch.setattr(studies, "STUDIES", {"walrus": spec_of()})
    spec = spec_of()
    run = score_run(studies.get_run(spec, spec.files[0], in_folder(tmp_path)).id, [FakeEncoder()])
    before = ScoredRun(run)
    rate = bounds(before, before.clusterer), before.cluster_frame(before.clusterer)
    strip(run.id)
    assert sorted(store.open_run(run.id).responses()["text"])[-1] == "they rehearse opera"  # they are kept beside it
    for path in sorted((files.cache() / "sentences").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    return rate, store.open_run(run.id)


def test_a_stripped_run_has_the_figures_and_not_a_word(tmp_path, monkeypatch):
    (rates, clusters), run = stripped(tmp_path, monkeypatch)
    scored = ScoredRun(run)
    assert bounds(scored, scored.clusterer) == rates
    assert scored.cluster_frame(scored.clusterer).equals(clusters)
    assert (
        list(run.responses()["text"])
        == ["", "[wording 1, 3 words]", "[wording 1, 3 words]", "[wording 2, 4 words]", ""] * 2
    )
    stored = b"".join(path.read_bytes() for path in run.folder.iterdir() if path.is_file())
    words = {word.strip("?.").encode() for sentence in SENTENCES for word in sentence.split() if len(word) > 4}
    assert [word for word in words if word in stored] == []
    assert verify(run.id) == []
    found = run_statistics(scored, scored.clusterer, ["q1", "q2"])
    assert (found["words"].value, found["looping"].n) == (pytest.approx(10 / 3), 0)


def test_a_strip_that_was_killed_is_finished_by_the_next_one(tmp_path, monkeypatch):
    monkeypatch.setattr(studies, "STUDIES", {"walrus": spec_of()})
    spec = spec_of()
    run = score_run(studies.get_run(spec, spec.files[0], in_folder(tmp_path)).id, [FakeEncoder()])

    def killed(folder, drop=()):
        if store.open_run(run.id).provenance.without_sentences:
            raise KeyboardInterrupt
        return real(folder, drop)

    real = contents.finish
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(contents, "finish", killed)
        strip(run.id)
    strip(run.id)
    stored = b"".join(path.read_bytes() for path in run.folder.iterdir() if path.is_file())
    assert [word for word in (b"rehearse", b"ptarmigan") if word in stored] == []
    assert store.open_run(run.id).encoders() == []
    assert verify(run.id) == []


def test_what_was_added_to_a_stripped_run_does_not_leave_with_it(tmp_path, monkeypatch):
    _, run = stripped(tmp_path, monkeypatch)
    studies.get_run(*studies.file_of(run), tmp_path / "theirs")
    score_run(run.id, [FakeEncoder()])
    strip(run.id)
    assert store.open_run(run.id).encoders() == []
    score_run(run.id, [FakeEncoder()], FakeNli({}))
    with pytest.raises(HomogError, match="holds its answers in what NLI models"):
        strip(run.id)


def test_damaged_sentences_are_got_again(tmp_path, monkeypatch):
    _, run = stripped(tmp_path, monkeypatch)
    studies.get_run(*studies.file_of(run), tmp_path / "theirs")
    (sentences_folder(run.id) / "questions.parquet").write_bytes(b"PAR1")
    with pytest.raises(CorruptRun, match=f"delete the folder {sentences_folder(run.id)} and get them again"):
        run.questions()


def test_stand_ins_of_other_answers_are_no_cache(tmp_path, monkeypatch):
    rows = [{"id": key, "question": f"{key}?", "answers": [f"{key}{i}" for i in range(10)]} for key in ("a", "b")]
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    spec = spec_of(content)
    monkeypatch.setattr(studies, "STUDIES", {"walrus": spec})
    run = studies.get_run(spec, spec.files[0], in_folder(tmp_path, content))
    strip(run.id)
    whole = sampler_check(store.open_run(run.id))
    (sentences_folder(run.id) / "answers.parquet").unlink()
    bare = sampler_check(store.open_run(run.id))
    assert (whole.equal_lists, bare.equal_lists) == ((), ())
    assert (whole.lacks_answers, bare.lacks_answers) == (False, True)


def test_what_needs_sentences_says_where_they_are(tmp_path, monkeypatch):
    _, run = stripped(tmp_path, monkeypatch)
    assert lacks(run) == [Lack.ANSWERS_TEXT]
    for work in (lambda: score_run(run.id, [FakeEncoder()]), lambda: export_run(run, "jsonl", tmp_path / "out.jsonl")):
        with pytest.raises(HomogError, match="homog study get walrus"):
            work()


def test_a_stripped_run_is_whole_again_where_the_file_is(tmp_path, monkeypatch):
    _, run = stripped(tmp_path, monkeypatch)
    manifest = (run.folder / "manifest.json").read_bytes()
    whole = studies.get_run(*studies.file_of(run), tmp_path / "theirs")
    assert not whole.lacks_answers
    assert set(whole.responses()["text"]) == {*SENTENCES[1:], ""}
    assert whole.questions()["text"][0] == f"{SENTENCES[0]} q1"
    assert (run.folder / "manifest.json").read_bytes() == manifest
    assert Lack.ANSWERS_TEXT not in lacks(whole)


def test_runs_of_others_come_last_and_are_never_the_first_choice(tmp_path, run):
    spec = spec_of()
    others = studies.get_run(spec, spec.files[0], in_folder(tmp_path))
    found = store.list_runs()
    assert lineage.offered(found)[-1].id == others.id
    assert others.id not in [one.id for one in lineage.default_runs(found)]


@pytest.mark.parametrize("name", list(STUDIES))
def test_the_files_of_the_catalogue_make_their_runs(name):
    spec = STUDIES[name]
    if studies.at_hand(spec, spec.files[0]) is None:
        pytest.skip("its files are not on this machine")
    run = studies.get_run(spec, spec.files[0])
    assert (run.identity.n_questions, run.decoding.n_samples) == {
        "zephyr-chain": (50, 5), "novelty-bench": (100, 10), "triviaqa-llama-13b": (500, 20), "human-survey": (51, 85)
    }[name]  # fmt: skip


def test_no_more_is_fetched_than_an_import_takes(monkeypatch):
    monkeypatch.setattr(studies, "MAX_BYTES", 40)
    with serving() as (_, address):
        spec = spec_of(address=address)
        with pytest.raises(HomogError, match="it has more than 40 bytes"):
            studies.get_run(spec, spec.files[0])
    assert [path for path in files.cache().rglob("*") if path.is_file()] == []


def test_a_file_of_a_study_under_its_own_names_does_not_change_the_run_of_the_study(tmp_path):
    spec, folder = spec_of(), in_folder(tmp_path)
    run = studies.get_run(spec, spec.files[0], folder)
    manifest = (run.folder / "manifest.json").read_bytes()
    said = replace(studies.about(spec, spec.files[0]), study=None, stage="dpo")
    with pytest.raises(InvalidInput, match="is a file of the public study walrus"):
        import_file(folder / "herd" / "answers.jsonl", said)
    assert (run.folder / "manifest.json").read_bytes() == manifest
    own = import_file(folder / "herd" / "answers.jsonl", replace(said, model="my-walrus"))
    assert own.id != run.id and own.provenance.stage == "dpo"
