"""A file of answers becomes a run, or leaves nothing: what is refused of a file as a whole, and what stops halfway."""

import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from fakes import FakeEncoder, make_row, texts_of, write_rows

from homog_core.errors import HomogError, InvalidInput, NotFound
from homog_core.files import PROJECT
from homog_core.measures.clustering import Clusterer
from homog_core.records import Decoding
from homog_core.runs import importers, rows, store
from homog_core.runs import write as write_module
from homog_core.runs.importers import About, import_samples, import_upload, jsonl, survey, tables
from homog_core.runs.manifest import run_id_of
from homog_core.runs.score import score_run
from homog_core.runs.store import list_runs, open_run
from homog_core.runs.verify import verify
from homog_core.runs.write import RunWriter, write_run

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


def test_nothing_is_wrong_with_an_imported_run_but_that_it_is_not_scored(tmp_path):
    numbers = {"token_logprobs": [[-1, 0], []], "token_entropies": [[1, 0], []]}
    run = import_samples(write_rows(tmp_path / "a.jsonl", make_row(**numbers), make_row("How?", ["", "b"])), "m")
    assert verify(run.id) == [
        f"There is no {name}.parquet; run `python -m homog_core score {run.id}`." for name in store.TABLES
    ]
    assert len(list(run.folder.glob("responses-*"))) == 1


def test_an_imported_run_is_scored_like_any_other(tmp_path):
    numbers = {"token_logprobs": [[-1, -3], [-1], [-1]], "token_entropies": [[1, 2], [1], [3]]}
    lines = [make_row("Why?", ["a b", "a b", "c d"], **numbers), make_row("How?", ["x", "", ""])]
    run = import_samples(write_rows(tmp_path / "a.jsonl", *lines), "m")
    scored = score_run(run.id, [FakeEncoder()], clusterers=[Clusterer("jaccard", 0.4)])
    scores = scored.table("scores").set_index("question_id").loc[list(scored.questions()["id"])]
    assert list(scores["n_valid"]) == [3, 1]
    assert scores["num_semantic_sets@jaccard"].iloc[0] == 2
    assert scores["mean_token_entropy"].isna().all()  # there is no greedy answer
    assert scores["mean_token_entropy_sampled"].iloc[0] == pytest.approx((1.5 + 1 + 3) / 3)
    assert verify(run.id) == []


def test_a_byte_order_mark_and_windows_lines_are_read(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + json.dumps(make_row()).encode() + b"\r\n\r\n")
    (tmp_path / "b.csv").write_bytes(b"\xef\xbb\xbfquestion,answer\r\nWhy?,a\r\nWhy?,b\r\n")
    (tmp_path / "c.csv").write_bytes(b"question,answer\rWhy?,a\rWhy?,b\r")  # as a spreadsheet on an old Mac does
    for name in ("a.jsonl", "b.csv", "c.csv"):
        assert list(texts_of(import_samples(tmp_path / name, "m")).values()) == ["", "a", "b"]


def test_dataset_and_decoding_are_what_the_caller_knows(tmp_path):
    path = write_rows(tmp_path / "a.jsonl", make_row())
    run = import_samples(path, " m ", "Truthful QA/", Decoding(n_samples=99, temperature=0.5, max_new_tokens=64))
    assert (run.identity.model, run.identity.dataset) == ("m", "truthful-qa")
    assert run.decoding == Decoding(n_samples=2, temperature=0.5, max_new_tokens=64)
    assert run.id != import_samples(path, "m", "Truthful QA/").id


def test_the_same_file_is_the_same_run(tmp_path):
    path = write_rows(tmp_path / "a.jsonl", make_row(), make_row("How?"))
    first, created = import_samples(path, "m"), "first"
    with write_run(first.identity, first.provenance, []) as writer:
        writer.update(created=created)
    second = import_samples(path, "m")
    assert (second.id, second.provenance.created) == (first.id, created)
    assert len(list_runs()) == 1
    assert len(second.responses()) == 2 * 3
    write_rows(path, make_row(), make_row("How?", ["a", "c"]))  # another file
    assert import_samples(path, "m").id != first.id


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "own.jsonl",
            '{"question": "Why?", "answers": ["a"]}\n{"question": "Où?", "answers": ["a"]}\n'.encode("latin-1"),
        ),
        ("own.csv", "question,answer\nOù?,a\n".encode("latin-1") + "Why?,a\nÀ quoi?,a\n".encode()),  # damaged UTF-8
        ("own.csv", b"question,answer\nO\x81?,a\nWhy?,a\n"),  # nothing in Windows-1252
    ],
)
def test_a_line_that_is_not_utf_8_is_left_out(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    run = import_samples(tmp_path / name, "m")
    assert "Why?" in set(run.questions()["text"]) <= {"Why?", "À quoi?"}
    (note,) = run.provenance.import_notes
    assert note.first == f"{name}, line 2: this is not UTF-8 text; save it as UTF-8."


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("own.csv", "question;answer\nOù? 𝟛;“a”\nOù? 𝟛;b\n"),
        ("own.jsonl", '{"question": "Où? 𝟛", "answers": ["“a”", "b"]}\n'),
        ("own.json", '[{"question": "Où? 𝟛", "answers": ["“a”", "b"]}]'),
    ],
)
@pytest.mark.parametrize("is_packed", [False, True])
def test_the_mark_of_the_byte_order_says_how_a_text_is_read(encoding, name, content, is_packed, tmp_path):
    written = content.encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(written) if is_packed else written)
    run = import_samples(tmp_path / name, "m")
    assert list(run.questions()["text"]) == ["Où? 𝟛"]
    assert {"“a”", "b"} <= set(run.responses()["text"])
    assert run.provenance.import_notes == ()


def test_letters_that_only_older_spreadsheets_write_are_read_and_that_is_noted(tmp_path):
    (tmp_path / "own.csv").write_bytes("question,answer\nOù?,“a” – 5 €\n".encode("cp1252"))
    run = import_samples(tmp_path / "own.csv", "m")
    assert list(run.questions()["text"]) == ["Où?"]
    assert "“a” – 5 €" in set(run.responses()["text"])
    (note,) = run.provenance.import_notes
    assert "Windows-1252" in note.kind


def test_a_header_in_windows_1252_is_read_too(tmp_path):
    content = "question;réponse;answer\nOù?;x;“a”\nOù?;x;bé\n"
    (tmp_path / "own.csv").write_bytes(content.encode("cp1252"))
    run = import_samples(tmp_path / "own.csv", "m")
    assert list(run.questions()["text"]) == ["Où?"]
    assert {"“a”", "bé"} <= set(run.responses()["text"])
    assert "Windows-1252" in run.provenance.import_notes[0].kind
    assert "réponse" in str(run.provenance.import_notes)
    damaged = "question;réponse;answer\n".encode("cp1252") + "Où?;x;a\n".encode()
    for other in (damaged, "réponse\n".encode("cp1252"), b"\x89PNG;\r\n\x1a\n\0\xe9", b"a;\x81\n\xe9;b\n"):
        (tmp_path / "other.csv").write_bytes(other)
        with pytest.raises(InvalidInput, match=r"other\.csv, line 1: this is not UTF-8 text"):
            import_samples(tmp_path / "other.csv", "m")


def test_a_text_in_utf_16_that_is_cut_off_is_no_traceback(tmp_path):
    (tmp_path / "own.jsonl").write_bytes('{"question": "Why?", "answers": ["a"]}\n'.encode("utf-16")[:-3])
    with pytest.raises(InvalidInput, match="cut off or damaged"):
        import_samples(tmp_path / "own.jsonl", "m")


def test_a_header_in_windows_1252_is_read(tmp_path):
    (tmp_path / "own.csv").write_bytes("Où,answer\nWhy?,a\n".encode("latin-1"))
    with pytest.raises(InvalidInput, match="there is no `question` among 'Où', 'answer'"):
        import_samples(tmp_path / "own.csv", "m")


def test_a_file_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(NotFound, match=r"There is no file .*own\.jsonl"):
        import_samples(tmp_path / "own.jsonl", "m")


def test_a_folder_and_a_file_of_somebody_else_are_refused(tmp_path, monkeypatch):
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(InvalidInput, match=r"folder\.jsonl is not a file"):
        import_samples(tmp_path / "folder.jsonl", "m")
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.R_OK)
    with pytest.raises(InvalidInput, match="may not be read by you"):
        import_samples(write_rows(tmp_path / "own.jsonl", make_row()), "m")


def test_a_file_is_told_by_its_content_not_by_its_name(tmp_path):
    for name in ("a.csv", "a.txt", "a", "a.json"):
        run = import_samples(write_rows(tmp_path / name, make_row()), "m")
        assert list(texts_of(run).values()) == ["", "a", "b"]
    (tmp_path / "b.jsonl").write_text("question,answer\nWhy?,a\nWhy?,b\n")
    assert list(texts_of(import_samples(tmp_path / "b.jsonl", "m")).values()) == ["", "a", "b"]


def test_what_is_too_large_is_refused(tmp_path, monkeypatch):
    path = write_rows(tmp_path / "own.jsonl", make_row("One?"), make_row("Two?"), make_row("Three?"))
    with monkeypatch.context() as patch:
        patch.setattr(survey, "MAX_QUESTIONS", 2)
        with pytest.raises(InvalidInput, match=r"own\.jsonl, line 3: there are more than 2 questions; import them in"):
            import_samples(path, "m")
    with monkeypatch.context() as patch:
        patch.setattr(rows, "MAX_LINE", 44)  # the first line has 43 bytes and its end
        run = import_samples(path, "m")
        assert list(run.questions()["text"]) == ["One?", "Two?"]
        assert run.provenance.import_notes[0].first == "own.jsonl, line 3: the line is longer than 44 bytes."
    with monkeypatch.context() as patch:
        patch.setattr(importers, "MAX_BYTES", 100)
        with pytest.raises(InvalidInput, match=r"own\.jsonl has 134 bytes and the limit is 100; import it in parts"):
            import_samples(path, "m")
    assert import_samples(path, "m").identity.n_questions == 3


@pytest.mark.parametrize("model", ["", "  ", "x" * 101, "a\nb", "a\0"])
def test_a_name_that_is_none_is_refused(model, tmp_path):
    path = write_rows(tmp_path / "a.jsonl", make_row())
    with pytest.raises(InvalidInput, match="is no name for a model; give one of 1 to 100 printable characters"):
        import_samples(path, model)
    with pytest.raises(InvalidInput, match="is no name for a dataset"):
        import_samples(path, "m", "../..")
    assert list_runs() == []


def test_names_cannot_leave_the_cache(tmp_path):
    run = import_samples(write_rows(tmp_path / "a.jsonl", make_row()), "../../" + "ü" * 94, "..//" + "é" * 96)
    assert run.folder.parent == tmp_path / "runs"
    assert run.folder.name == run_id_of(run.identity)


class Killed(BaseException):
    pass


def killed_after(n_questions, monkeypatch):
    """Make the writer die after that many questions, with shards of one question."""
    write_shard = RunWriter._write_shard

    def dying(self, tables):
        if len(self.sampled) == n_questions:
            raise Killed
        write_shard(self, tables)

    monkeypatch.setattr(write_module, "SHARD_QUESTIONS", 1)
    monkeypatch.setattr(RunWriter, "_write_shard", dying)


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_an_import_that_was_killed_is_gone_on_with(name, tmp_path, monkeypatch):
    questions = ["One?", "Two?", "Three?"]
    if name == "a.csv":
        path = write_rows(tmp_path / name, "question,answer", *(f"{q},{a}" for q in questions for a in "ab"))
    else:
        path = write_rows(tmp_path / name, *(make_row(q) for q in questions))
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_after(2, patch)
        import_samples(path, "m")
    (half,) = list_runs()
    assert half.provenance.status == "importing"
    assert len(half.sampled_ids()) == 2
    assert "The run is importing; import the same file under the same names again to go on with it." in verify(half.id)

    run = import_samples(path, "m")
    assert run.id == half.id
    assert run.provenance.status == "complete"
    assert len(run.responses()) == 3 * 3
    assert len(verify(run.id)) == len(store.TABLES)


def test_an_import_that_was_killed_at_its_end_is_completed(tmp_path, monkeypatch):
    def killed(self):
        raise Killed

    path = write_rows(tmp_path / "a.jsonl", make_row(), make_row("How?"))
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(RunWriter, "merge", killed)
        import_samples(path, "m")
    assert open_run(list_runs()[0].id).provenance.status == "importing"
    assert import_samples(path, "m").provenance.status == "complete"


def test_a_file_that_changes_meanwhile_is_not_mixed(tmp_path, monkeypatch):
    path = write_rows(tmp_path / "a.jsonl", make_row("One?"), make_row("Two?"))
    write_shard = RunWriter._write_shard

    def changing(self, tables):
        write_shard(self, tables)
        write_rows(path, make_row("One?"), make_row("Two?", ["other", "answers"]), make_row("Three?"))

    with monkeypatch.context() as patch:
        patch.setattr(write_module, "SHARD_QUESTIONS", 1)
        patch.setattr(RunWriter, "_write_shard", changing)
        with pytest.raises(HomogError, match=r"a\.jsonl has changed while it was being imported; import it again"):
            import_samples(path, "m")
    assert [run.provenance.status for run in list_runs()] == ["importing"]
    assert len(import_samples(path, "m").sampled_ids()) == 3


def test_a_file_that_changes_before_anything_is_stored_leaves_nothing(tmp_path, monkeypatch):
    path = write_rows(tmp_path / "a.jsonl", make_row())
    survey_of = importers.survey_of

    def changing(*arguments):
        found = survey_of(*arguments)
        write_rows(path, make_row(), make_row("How?"))
        return found

    monkeypatch.setattr(importers, "survey_of", changing)
    with pytest.raises(HomogError, match="has changed while it was being imported"):
        import_samples(path, "m")
    assert list_runs() == []


@pytest.fixture(autouse=True)
def own_temporary_files(tmp_path, monkeypatch):
    """Nobody else writes into this test's folder of temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))


def leftovers(own_cache):
    """What an upload has left in the folder of temporary files, and in the cache."""
    return [*Path(tempfile.gettempdir()).glob("homog-upload-*"), *own_cache.rglob("*.parquet")]


def test_an_upload_becomes_a_run_and_nothing_else_is_left(own_cache):
    content = json.dumps(make_row()).encode()
    run = import_upload("My answers.jsonl", content, About("m", temperature=0.5))
    assert (run.provenance.imported_from, run.identity.dataset) == ("My answers.jsonl", "my-answers")
    about = About("m", "My answers", temperature=0.5)
    assert run.id == import_upload("other.jsonl", memoryview(content), about).id
    assert {path.parent for path in leftovers(own_cache)} == {run.folder}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("../../evil.jsonl", b"{}", "is not the plain name of a file; rename the file"),
        ("/etc/passwd.csv", b"question,answer", "is not the plain name of a file"),
        (r"C:\\evil.csv", b"question,answer", "is not the plain name of a file"),
        ("..", b"", "is not the plain name of a file"),
        ("", b"", "is not the plain name of a file"),
        ("a\0.csv", b"", "is not the plain name of a file"),
        ("x" * 300 + ".csv", b"", "is not the plain name of a file"),
        ("picture.png", b"\x89PNG", "picture.png, line 1: this is not UTF-8 text"),
        ("a.jsonl", b'{"question": "Why?", "answers": NaN}', "`answers`: it must be a list, not a number"),
        (
            "a.csv",
            b"question\nWhy?\n",
            "a.csv, line 2: there is no `answers` among 'question'. Call the column `answer`,",
        ),
        ("a.json", b'{"models": [], "examples": []}', "there is no `question` among 'models', 'examples'"),
        ("empty.csv", b"", "empty.csv has no rows"),
    ],
)
def test_a_bad_upload_gets_a_sentence_and_leaves_nothing(name, content, message, own_cache):
    with pytest.raises(InvalidInput) as caught:
        import_upload(name, content, About("m"))
    assert message in str(caught.value)
    assert str(caught.value).count("\n") == 0
    assert leftovers(own_cache) == []


@pytest.mark.parametrize(("name", "content"), [("a.jsonl", jsonl.EXAMPLE_JSONL), ("a.csv", tables.EXAMPLE_CSV)])
def test_the_example_is_what_it_shows(name, content):
    run = import_upload(name, content.encode(), About("m"))
    assert "It is Mars." in set(run.responses()["text"])


def damaged(content, rng):
    """The bytes of a file with some of them replaced, taken out or put in."""
    content = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        place, n_out = rng.randrange(len(content)), rng.choice((0, 1, 1, 9))
        content[place : place + n_out] = rng.choice(
            (
                b"",
                b'"',
                b"{",
                b"]",
                b",",
                b"\n",
                b"\r",
                b"\0",
                b"\xff",
                b"\xef\xbb\xbf",
                b"\\ud800",
                b"NaN",
                b"1e999",
                b"null",
            )
        )
    return bytes(content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", jsonl.EXAMPLE_JSONL),
        (
            "a.jsonl",
            json.dumps(make_row(token_logprobs=[[-1, -2], [-1]], tokens=[["a", "b"], [""]], id=7)),
        ),
        ("a.csv", tables.EXAMPLE_CSV),
        ("a.csv", 'id,question,answer,sample_index\n1,"Why, though?",a,0\n1,"Why, though?",b,-1\n'),
    ],
)
def test_whatever_a_file_holds_it_is_imported_or_refused_in_one_sentence(name, content):
    rng = random.Random(0)
    for _ in range(100):
        try:
            import_upload(name, damaged(content.encode(), rng), About("m"))
        except InvalidInput as error:
            assert str(error).startswith(name)
            assert str(error).count("\n") == 0


def test_pydantic_is_imported_when_a_file_is_read():
    program = "import sys, homog_core.runs.importers; print('pydantic' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_progress_is_told(tmp_path):
    told = []
    import_samples(
        write_rows(tmp_path / "a.jsonl", make_row(), make_row("How?")), "m", on_progress=lambda *step: told.append(step)
    )
    assert told == [("Storing", 1, 2), ("Storing", 2, 2)]


def test_an_import_never_writes_into_a_run_whose_id_it_was_made_to_match(tmp_path, monkeypatch):
    run = import_samples(write_rows(tmp_path / "b.jsonl", make_row("How?")), "another")
    before = {path.name: path.read_bytes() for path in run.folder.iterdir()}
    monkeypatch.setattr(write_module, "run_id_of", lambda identity: run.id)
    with pytest.raises(HomogError, match=f"Another run is stored as {run.id}; give the model or the dataset another"):
        import_samples(write_rows(tmp_path / "a.jsonl", make_row()), "m")
    assert {path.name: path.read_bytes() for path in run.folder.iterdir()} == before


def test_two_imports_at_once_are_not_mixed(tmp_path):
    path = write_rows(tmp_path / "a.jsonl", make_row())
    run = import_samples(path, "m")
    with write_run(run.identity, run.provenance, []), pytest.raises(HomogError, match="written by another process"):
        import_samples(path, "m")
