"""Runs to a folder and to a real S3 server, and back; what is damaged, foreign or half there is refused."""

import hashlib
import socket
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fakes import ANSWERS, DECODING, QUESTIONS, TIMEOUT, FakeEncoder, FakeSampler, edit_manifest

from homog_core import files
from homog_core.cli import main
from homog_core.errors import CorruptRun, HomogError, InvalidInput, NotFound
from homog_core.records import StoredFile
from homog_core.runs import transfer
from homog_core.runs.manifest import read_manifest
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.runs.storage import Storage, storage
from homog_core.runs.store import list_runs, open_run
from homog_core.runs.transfer import pull_run, push_run
from homog_core.runs.verify import verify

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


@pytest.fixture(scope="module")
def s3():
    """The address of a bucket on a server of this machine."""
    pytest.importorskip("moto", reason="moto is not installed: pip install 'homog-core[dev]'")
    from pyarrow.fs import S3FileSystem

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL
    )
    names = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    names["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 2 * TIMEOUT
        while time.monotonic() < deadline:
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in names.items():
                patch.setenv(name, value)
            made = S3FileSystem(
                allow_bucket_creation=True, scheme="http", endpoint_override=f"127.0.0.1:{port}", access_key="test",
                secret_key="test",
            )  # fmt: skip
            made.create_dir("bucket")
            yield "s3://bucket/runs"
    finally:
        server.terminate()
        server.wait(timeout=TIMEOUT)


@pytest.fixture(params=["folder", "s3"])
def target(request, tmp_path):
    """Where runs are pushed to."""
    return str(tmp_path / "elsewhere") if request.param == "folder" else request.getfixturevalue("s3")


@pytest.fixture
def scored(run):
    return score_run(run.id, [FakeEncoder()])


@pytest.fixture
def other_machine(tmp_path, monkeypatch):
    """From now on this process has an empty cache."""

    def move():
        monkeypatch.setenv("HOMOG_CACHE", str(tmp_path / "other"))

    return move


def content_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


def nothing_is_here():
    return list_runs() == [] and list(files.cache().glob("runs/*")) + list(files.cache().glob("runs/.*")) == []


def test_a_run_comes_back_as_it_was(scored, target, other_machine):
    before = content_of(scored.folder)
    address = push_run(scored.id, target)
    assert address == f"{target}/{scored.id}"
    other_machine()
    found = pull_run(address)
    assert found.folder == files.cache() / "runs" / scored.id
    assert content_of(found.folder) == before
    assert verify(scored.id) == []
    assert [folder.name for folder in found.folder.parent.iterdir()] == [scored.id]
    assert pull_run(f"{address}/").manifest == found.manifest  # it is here already


def test_a_run_that_is_scored_later_replaces_its_copy(run, target, other_machine):
    first = push_run(run.id, target)
    score_run(run.id, [FakeEncoder()])
    assert push_run(run.id, target) == first
    other_machine()
    assert pull_run(first).table("scores") is not None


def test_nothing_is_a_run_before_its_manifest_is_there(scored, target, other_machine, monkeypatch):
    push_run(scored.id, target)
    real = Storage.write

    def breaks_off(self, path, content):
        if path.endswith("scores.parquet"):
            raise HomogError("The network is gone.")
        real(self, path, content)

    with monkeypatch.context() as patch, pytest.raises(HomogError, match="network"):
        patch.setattr(Storage, "write", breaks_off)
        push_run(scored.id, target)
    other_machine()
    with pytest.raises(NotFound, match="There is no run at"):
        pull_run(f"{target}/{scored.id}")
    assert nothing_is_here()


def test_a_pull_that_breaks_off_leaves_nothing(scored, target, other_machine, monkeypatch):
    address = push_run(scored.id, target)
    other_machine()
    real = Storage.chunks

    def breaks_off(self, path, most_bytes):
        yield from real(self, path, most_bytes)
        if path.endswith("scores.parquet"):
            assert list_runs() == []  # half of it is here, and nobody sees it
            raise HomogError("The network is gone.")

    with monkeypatch.context() as patch, pytest.raises(HomogError, match="network"):
        patch.setattr(Storage, "chunks", breaks_off)
        pull_run(address)
    assert nothing_is_here()


def test_every_file_that_is_changed_or_gone_is_noticed(scored, target, other_machine):
    address = push_run(scored.id, target)
    place = storage(target)
    other_machine()
    for name in content_of(scored.folder):
        path = f"{scored.id}/{name}"
        content = place.read(path, 1 << 24)
        middle = len(content) // 2
        for damaged in (
            content[:-1],
            content + b" ",
            content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        ):
            place.write(path, [damaged])
            with pytest.raises(HomogError):
                pull_run(address)
        place.remove(path)
        with pytest.raises(HomogError, match=r"missing|no run at"):
            pull_run(address)
        place.write(path, [content])
        assert nothing_is_here()
    assert pull_run(address).id == scored.id


def test_a_run_under_another_name_and_tables_of_another_run_are_refused(scored, tmp_path, other_machine):
    push_run(scored.id, str(tmp_path / "there"))
    there = tmp_path / "there" / scored.id
    other_machine()
    renamed = there.rename(there.with_name("fake--test--0123456789"))
    with pytest.raises(CorruptRun, match="give its folder that name"):
        pull_run(str(renamed))
    renamed.rename(there)
    # another writer, who has made all hashes fit
    edit_manifest(there, lambda content: content["identity"]["decoding"].update(temperature=0.5))
    with pytest.raises(CorruptRun, match="identity hashes to"):
        pull_run(str(there))
    assert nothing_is_here()


@pytest.mark.parametrize("name", ["../../evil.parquet", "/tmp/evil.parquet", "a/b.parquet", ".hidden.parquet", "x.py"])
def test_no_file_lands_outside_of_the_runs_folder(scored, tmp_path, other_machine, name):
    push_run(scored.id, str(tmp_path / "there"))
    there = tmp_path / "there" / scored.id
    other_machine()
    edit_manifest(there, lambda content: content["files"].update({name: content["files"]["scores.parquet"]}))
    before = sorted(tmp_path.rglob("*.parquet"))
    with pytest.raises(CorruptRun, match="no name of a file of a run"):
        pull_run(str(there))
    assert sorted(tmp_path.rglob("*.parquet")) == before
    assert nothing_is_here()


@pytest.mark.parametrize("name", ["..", ".", "run/..", ".hidden", "UPPER", "a b"])
def test_what_is_no_name_of_a_run_is_not_looked_for(tmp_path, name):
    with pytest.raises(NotFound, match="There is no run at"):
        pull_run(f"{tmp_path}/{name}")


def test_another_state_of_a_run_is_not_replaced(scored, target):
    address = push_run(scored.id, target)
    run = score_run(scored.id, [FakeEncoder()], clusterers=None)
    run.write_tables({"maps": run.table("maps").iloc[:0]})
    before = read_manifest(run.folder)
    with pytest.raises(InvalidInput, match=f"here already, in another state.*delete {scored.id}"):
        pull_run(address)
    assert open_run(scored.id).manifest == before


def test_what_is_not_complete_is_not_pushed(target):
    with pytest.raises(ZeroDivisionError):
        sample_run(
            FakeSampler(ANSWERS), QUESTIONS, DECODING, "plain", batch_questions=1, on_step=lambda p: 1 / (2 - p.n_done)
        )
    (run,) = list_runs()
    with pytest.raises(InvalidInput, match="is interrupted; a run can be pushed when it is complete"):
        push_run(run.id, target)


def test_a_damaged_run_is_not_pushed(scored, target):
    (scored.folder / "scores.parquet").write_bytes(b"nonsense")
    with pytest.raises(CorruptRun, match=r"scores\.parquet"):
        push_run(scored.id, target)
    with pytest.raises(NotFound):
        pull_run(f"{target}/{scored.id}" if target.startswith("s3") else target)


def test_a_run_is_not_pushed_onto_itself(scored, tmp_path):
    (tmp_path / "link").symlink_to(scored.folder.parent)
    for own in (scored.folder.parent, tmp_path / "link"):
        with pytest.raises(InvalidInput, match="already; name another folder"):
            push_run(scored.id, str(own))
    assert verify(scored.id) == []


def test_the_runs_of_a_place_are_named(scored, target):
    push_run(scored.id, target)
    with pytest.raises(NotFound, match=f"there are {scored.id}"):
        pull_run(target)


def test_a_place_that_cannot_be_used_is_one_sentence(scored, s3, tmp_path, monkeypatch):
    for address in ("ftp://host/runs", "s3://", "hf://models/me/it", "simplecache::s3://bucket/x", "memory://runs"):
        with pytest.raises(InvalidInput, match="is no place for runs; give a folder, s3://"):
            push_run(scored.id, address)
    with pytest.raises(HomogError, match=r"s3://nobody/.*could not be written"):
        push_run(scored.id, "s3://nobody")
    (tmp_path / "file").write_text("")
    with pytest.raises(HomogError, match="could not be"):
        push_run(scored.id, str(tmp_path / "file"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(HomogError, match="could not be read"):
        pull_run(f"{s3}/{scored.id}")


def test_a_run_that_needs_more_room_than_there_is(scored, tmp_path, other_machine, monkeypatch):
    address = push_run(scored.id, str(tmp_path / "there"))
    other_machine()
    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda folder: SimpleNamespace(free=10))
    with pytest.raises(HomogError, match="make room"):
        pull_run(address)
    assert nothing_is_here()


def test_a_large_file_goes_piece_by_piece(scored, tmp_path):
    content = np.random.default_rng(0).bytes(64 << 20)
    (scored.folder / "large.parquet").write_bytes(content)
    entry = StoredFile(hashlib.sha256(content).hexdigest(), len(content))
    place = storage(str(tmp_path / "there"))
    tracemalloc.start()
    try:
        place.write("large.parquet", transfer._unchanged(scored, "large.parquet", entry))
        transfer._fetch(place, "large.parquet", entry, tmp_path / "back")
        assert tracemalloc.get_traced_memory()[1] < len(content) / 8
    finally:
        tracemalloc.stop()
    assert (tmp_path / "back").read_bytes() == content
    with pytest.raises(HomogError, match="more than the 67,108,863 bytes that it may have"):
        transfer._fetch(place, "large.parquet", replace(entry, n_bytes=len(content) - 1), tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_run_that_changes_while_it_is_pushed_is_noticed(scored, monkeypatch):
    monkeypatch.setattr(transfer, "CHUNK", 16)
    entry = open_run(scored.id).manifest.files["scores.parquet"]
    pieces = transfer._unchanged(scored, "scores.parquet", entry)
    assert len(next(pieces)) == 16
    (scored.folder / "scores.parquet").write_bytes(bytes(entry.n_bytes))
    with pytest.raises(HomogError, match="has changed meanwhile"):
        list(pieces)


def test_push_and_pull_as_commands(scored, tmp_path, other_machine, capsys):
    assert main(["push", scored.id, str(tmp_path / "there")]) == 0
    assert str(tmp_path / "there" / scored.id) in capsys.readouterr().out.replace("\n", "")
    other_machine()
    assert main(["pull", str(tmp_path / "there" / scored.id)]) == 0
    assert scored.id in capsys.readouterr().out
    assert main(["pull", str(Path("/nowhere") / scored.id)]) == 2
    assert "There is no run at" in capsys.readouterr().err
