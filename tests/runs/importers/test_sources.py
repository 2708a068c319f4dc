"""What a file is packed in, and what is refused before any of it is believed: pickles, bombs, damage."""

import gzip
import json
import pickle
import zipfile

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fakes import make_row, texts_of, write_rows

from benchmarks.reliability.fuzz.judged import judged
from homog_core.errors import InvalidInput
from homog_core.runs import rows
from homog_core.runs.importers import import_samples, sources
from homog_core.runs.store import list_runs

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


class Trap:
    """Unpickled, it leaves a file behind."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("protocol", [0, 2, 3, 4, 5])
@pytest.mark.parametrize("name", ["a.pkl", "a.jsonl"])
def test_a_pickle_is_never_opened_and_the_sentence_says_how_to_export_it(name, protocol, tmp_path):
    content = {"id0": {"question": "Why?", "responses": [("a", [-1.0], None, 1.0)], "trap": Trap(tmp_path / "sprung")}}
    (tmp_path / name).write_bytes(pickle.dumps(content, protocol))
    with pytest.raises(InvalidInput, match=f"{name} is a pickle. .*python -c .*pickle.load") as caught:
        import_samples(tmp_path / name, "m")
    assert not (tmp_path / "sprung").exists()
    assert "\n" not in str(caught.value)
    assert list_runs() == []


def test_the_archive_of_torch_is_a_pickle_too(tmp_path):
    with zipfile.ZipFile(tmp_path / "manager", "w") as archive:
        archive.writestr("manager/data.pkl", pickle.dumps({}))
    with pytest.raises(InvalidInput, match="manager is a pickle"):
        import_samples(tmp_path / "manager", "m")


def test_the_line_of_the_sentence_writes_what_is_imported(tmp_path):
    """The command that the refusal names is run as somebody would."""
    import subprocess

    content = [
        {"question": "Why?", "generations": {"text": ["a\n", "b"]}},
        {"question": "How?", "generations": {"text": ["c", "d"]}},
    ]
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(InvalidInput) as caught:
        import_samples(tmp_path / "a.pkl", "m")
    command = str(caught.value).partition("imported: ")[2]
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    run = import_samples(tmp_path / "a.jsonl", "m")
    assert sorted(text for (_, i), text in texts_of(run).items() if i >= 0) == ["a\n", "b", "c", "d"]


def test_what_unpacks_to_more_than_is_allowed_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "MAX_UNPACKED", 1000)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress((json.dumps(make_row()) + "\n").encode() * 100))
    with zipfile.ZipFile(tmp_path / "b.eval", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", "{}")
        archive.writestr("samples/a_epoch_1.json", " " * 1001)
    pd.DataFrame([make_row("x" * 2000)]).to_parquet(tmp_path / "c.parquet")
    for name in ("a.jsonl.gz", "b.eval", "c.parquet"):
        with pytest.raises(InvalidInput, match=f"{name} unpacks to more than 1,000 bytes; import it in parts"):
            import_samples(tmp_path / name, "m")
    monkeypatch.setattr(rows, "MAX_JSON", 50)
    (tmp_path / "d.json").write_text(json.dumps([make_row()] * 2))
    with pytest.raises(InvalidInput, match=r"d\.json holds more than 50 bytes of JSON that must be read as a whole"):
        import_samples(tmp_path / "d.json", "m")
    assert list_runs() == []


def test_of_a_file_that_is_cut_off_the_rest_is_kept(tmp_path):
    lines = "".join(json.dumps(make_row(f"{i}?", [str(j * i) for j in range(50)])) + "\n" for i in range(500))
    packed = gzip.compress(lines.encode())
    (tmp_path / "a.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    run = import_samples(tmp_path / "a.jsonl.gz", "m")
    assert 50 < run.identity.n_questions < 450
    assert any("the file is cut off or damaged" in note.first for note in run.provenance.import_notes)
    (tmp_path / "b.jsonl").write_text(lines[: len(lines) // 2])
    run = import_samples(tmp_path / "b.jsonl", "m")
    assert [note.kind for note in run.provenance.import_notes] == ["rows that could not be read, left out"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PAR1 and nothing else", "is no Parquet file that reads"),
        (b"PK\x03\x04 and nothing else", "is no archive that reads"),
        (b"\x1f\x8b and nothing else", "is cut off or damaged|could not be read"),
        (b"[1, 2", "this is not JSON"),
        (b"[1, 2]", "a row must be a JSON object, not a number"),
        (b'"a text"', "there is no `question` among|has no rows"),
    ],
)
def test_what_only_begins_like_a_format_gets_a_sentence(content, message, tmp_path):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(Exception, match=message) as caught:
        import_samples(tmp_path / "a", "m")
    assert type(caught.value).__module__ == "homog_core.errors"


def test_an_archive_of_something_else_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.jsonl", json.dumps(make_row()))
    with pytest.raises(
        InvalidInput, match=r"a\.zip is an archive without the header.json of an Inspect log; unpack it"
    ):
        import_samples(tmp_path / "a.zip", "m")


def test_a_first_line_that_is_damaged_does_not_hide_what_the_file_is(tmp_path):
    path = write_rows(tmp_path / "a.jsonl", "garbage", make_row())
    run = import_samples(path, "m")
    assert list(texts_of(run).values()) == ["", "a", "b"]
    assert run.provenance.import_notes[0].first.startswith("a.jsonl, line 1: this is not JSON")


def test_a_damaged_text_in_parquet_is_refused(tmp_path):
    """Arrow checks no text when it writes one, and Python does when it reads it."""
    texts = pa.StringArray.from_buffers(1, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe"))
    pq.write_table(pa.table({"question": ["Why?"], "answer": texts}), tmp_path / "a.parquet")
    with pytest.raises(InvalidInput, match=r"a\.parquet is no Parquet file that reads"):
        import_samples(tmp_path / "a.parquet", "m")


def test_a_text_that_a_file_holds_once_cannot_fill_the_memory(tmp_path):
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 64, pa.int8()), pa.array(["a" * (20 << 20)]))
    path = tmp_path / "own.parquet"
    pq.write_table(pa.table({"question": ["Why?"] * 64, "answer": column}), path, compression="zstd")
    assert path.stat().st_size < 100_000
    ending = judged(lambda file: import_samples(file, "m"), path)
    assert "unpacks to more than 536,870,912" in ending.refusal
    assert ending.megabytes < 1300  # of which 512 are answers that are held; all rows at once take 2,600


def test_a_file_of_countless_rows_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MAX_ROWS", 100)
    answers = pa.DictionaryArray.from_arrays(pa.array([0] * 101, pa.int8()), pa.array(["a"]))
    pq.write_table(pa.table({"question": ["Why?"] * 101, "answer": answers}), tmp_path / "own.parquet")
    write_rows(tmp_path / "own.jsonl", *[make_row(f"Why {n}?") for n in range(101)])
    (tmp_path / "own.csv").write_text("question,answer\n" + "Why?,a\n" * 101)
    for name in ("own.parquet", "own.jsonl", "own.csv"):
        with pytest.raises(InvalidInput, match=f"{name} has more than 100 rows; import it in parts"):
            import_samples(tmp_path / name, "m")


def test_values_that_take_no_room_in_the_file_count_too(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "MAX_UNPACKED", 100_000)
    many = pa.array([["a"] * 50_000])
    pq.write_table(pa.table({"question": ["Why?"], "answers": many}), tmp_path / "own.parquet")
    assert (tmp_path / "own.parquet").stat().st_size < 5000
    with pytest.raises(InvalidInput, match="unpacks to more than 100,000 bytes"):
        import_samples(tmp_path / "own.parquet", "m")
