"""Several files at once, and a ZIP of a study, as somebody sends them."""

import io
import json
import stat
import tempfile
import zipfile
from pathlib import Path

import pytest

from homog_core.errors import InvalidInput
from homog_core.runs import store
from homog_core.runs.importers import About, jsonl, uploads
from homog_core.runs.importers.study import EXAMPLE_TOML
from homog_core.runs.importers.uploads import Upload, import_uploads

pytestmark = pytest.mark.usefixtures("no_shipped_runs")
GOOD = jsonl.EXAMPLE_JSONL.encode()
STUDY = EXAMPLE_TOML.encode()
FILES = {"import.toml": STUDY, "base.jsonl": GOOD, "sft.jsonl": GOOD}


def zipped(files, name="study.zip"):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, body in files.items():
            archive.writestr(member, body)
    return Upload(name, content.getvalue())


def sent(files):
    return [Upload(name, body) for name, body in files.items()]


def models(found):
    return [(run.identity.model, run.identity.dataset, run.provenance.parent) for run in found.runs]


@pytest.mark.parametrize(
    "files",
    [
        sent(FILES),
        [zipped(FILES)],
        [zipped({f"pack/{name}": body for name, body in FILES.items()} | {"__MACOSX/pack/._base.jsonl": b"\0"})],
    ],
    ids=["files", "zip", "folder in a zip"],
)
def test_a_study_is_one_run_a_file_with_its_lineage(files):
    found = import_uploads(files, About())
    assert models(found) == [("my-base", "open-questions", None), ("my-sft", "open-questions", "my-base")]
    assert [run.provenance.imported_from for run in found.runs] == ["base.jsonl", "sft.jsonl"]
    assert (found.failed, found.unused) == ((), ())


def test_what_a_study_does_not_name_and_what_does_not_read_is_listed():
    more = STUDY + b'[[run]]\nfile = "bad.jsonl"\nmodel = "m"\n'
    found = import_uploads(sent(FILES | {"import.toml": more, "bad.jsonl": b"\x89", "notes.txt": b"x"}), About())
    assert len(found.runs) == 2
    assert len(found.failed) == 1
    assert "bad.jsonl" in found.failed[0]
    assert found.unused == ("notes.txt",)


def test_files_without_a_study_are_runs_of_one_model():
    found = import_uploads(sent({"one.jsonl": GOOD, "two.jsonl": GOOD}), About("m"))
    assert models(found) == [("m", "one", None), ("m", "two", None)]


def test_the_output_of_a_batch_finds_its_input_among_the_files():
    request = {"custom_id": "a", "body": {"messages": [{"role": "user", "content": "Why?"}], "temperature": 0.5}}
    choices = [{"message": {"content": text}} for text in ("So.", "Thus.")]
    reply = {"custom_id": "a", "response": {"body": {"model": "served", "choices": choices}}}
    files = {name: json.dumps(row).encode() + b"\n" for name, row in (("in.jsonl", request), ("out.jsonl", reply))}
    found = import_uploads(sent(files | {"other.jsonl": GOOD}), About("m"))
    assert [run.provenance.imported_from for run in found.runs] == ["other.jsonl", "out.jsonl"]
    assert found.runs[1].questions()["text"].tolist() == ["Why?"]
    assert [run.decoding.temperature for run in found.runs] == [1.0, 0.5]
    with pytest.raises(InvalidInput, match=r"no answers in again\.jsonl, in\.jsonl"):
        import_uploads(sent({"in.jsonl": files["in.jsonl"], "again.jsonl": files["in.jsonl"]}), About("m"))


def link():
    info = zipfile.ZipInfo("link.jsonl")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    return Upload("study.zip", content.getvalue())


def damaged():
    content = zipped({"a.jsonl": GOOD * 50}).content
    return Upload("study.zip", content[:60] + b"xxxx" + content[64:])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([zipped({"../evil.jsonl": GOOD})], "holds '../evil.jsonl', which is no plain file"),
        ([zipped({"a/../../evil.jsonl": GOOD})], "which is no plain file"),
        ([zipped({"/tmp/evil.jsonl": GOOD})], "which is no plain file"),
        ([zipped({"a\\evil.jsonl": GOOD})], "which is no plain file"),
        ([zipped({"C:evil.jsonl": GOOD})], "which is no plain file"),
        ([zipped({"x" * 300: GOOD})], "which is no plain file"),
        ([link()], "holds 'link.jsonl', which is no plain file"),
        ([zipped({"a": GOOD, "a/b": GOOD})], "two files of one name"),
        ([zipped({f"{n}.jsonl": b"" for n in range(501)})], "holds 501 files and the limit is 500"),
        ([zipped({})], "There are no answers in it"),
        ([zipped({"import.toml": STUDY.replace(b"base.jsonl", b"../base.jsonl")})], "is not in the folder"),
        ([damaged()], "is no ZIP that unpacks"),
        ([Upload("a/b.jsonl", GOOD), Upload("c.jsonl", GOOD)], "is not the plain name of a file"),
        ([Upload("a.jsonl", GOOD), Upload("a.jsonl", GOOD)], "Two files are called a.jsonl"),
        (
            sent({"import.toml": STUDY, "other.jsonl": GOOD}),
            "import.toml names base.jsonl, which is not among the files",
        ),
    ],
)
def test_what_leads_out_or_does_not_fit_is_refused_and_leaves_nothing(files, message, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(Exception, match=message.replace("(", r"\(")) as caught:
        import_uploads(files, About("m"))
    assert type(caught.value).__module__ == "homog_core.errors"
    assert store.list_runs() == []
    assert list(tmp_path.rglob("*.jsonl")) == []
    assert not Path("/tmp/evil.jsonl").exists()


def test_a_zip_that_unpacks_to_more_than_the_limit_is_stopped(monkeypatch):
    monkeypatch.setattr(uploads, "MAX_BYTES", 10_000)
    bomb = zipped({"import.toml": STUDY, "base.jsonl": b"0" * 10_000_000})
    assert len(bomb.content) < 20_000
    with pytest.raises(InvalidInput, match="unpacks to more than 10,000 bytes"):
        import_uploads([bomb], About())
    with pytest.raises(InvalidInput, match="more than 10,000 bytes together"):
        import_uploads([Upload("a.jsonl", b"0" * 6000), Upload("b.jsonl", b"0" * 6000)], About("m"))
