"""What `clean` and `doctor` find: leftovers of every kind, and nothing that somebody has made or is writing."""

import json
import os

import pytest
from fakes import make_plan, make_question
from filelock import FileLock

from homog_core import files
from homog_core.catalogue.models import GGUF_WHEELS, MODELS
from homog_core.cli import main
from homog_core.records import Decoding
from homog_core.runs.derived import SEVERAL, key_of
from homog_core.runs.store import open_run
from homog_core.upkeep import doctor
from homog_core.upkeep.clean import YOUNG_SECONDS, leftovers
from homog_core.upkeep.doctor import examine

BASE = "gemma-3-270m"
SHA = GGUF_WHEELS[MODELS[BASE].source].sha256[:12]
OTHER = "0" * 12


def put(path, content="x" * 1000):
    """A file that was written long ago, in folders that were made long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    for one in (path, path.parent):
        age(one)
    return path


def age(path):
    os.utime(path, (path.stat().st_mtime - 2 * YOUNG_SECONDS,) * 2)


@pytest.fixture
def cache(own_cache, run):
    """A cache with one leftover of each kind beside what must stay; the names of the leftovers."""
    models, runs = own_cache / "models", own_cache / "runs"
    for name in (f"{BASE}-{SHA}", f"mine-{OTHER}", f"{BASE}-{OTHER}"):
        put(models / name / "model.safetensors")
        put(models / name / "source.json", "{}")
    put(models / "gemma-3-270m-mine" / "adapter_config.json")
    put(models / f".{BASE}-{SHA}-abc" / "model.gguf")
    put(models / f"{BASE}-{SHA}.lock", "")
    put(models / f"{BASE}-{OTHER}x.lock", "")
    put(runs / ".deleted-12345678" / "responses.parquet")
    for name in ("12345678", "going0on"):
        pulled = put(runs / f".pulled-{name}" / "fake--test" / "scores.parquet")
        age(pulled.parents[1])
        age(pulled.parent)
    pulled.touch()  # just now
    put(runs / "never--begun" / "questions.parquet")
    put(runs / "torn--manifest" / "responses-1.parquet")
    put(run.folder / "scores.parquet.12345678.partial")
    put(own_cache / "maps" / "a.parquet.12345678.partial")
    put(own_cache / "maps" / "a.parquet")
    put(own_cache / "derived" / "a--gone--run" / "told-0123456789abcdef")
    put(own_cache / "derived" / run.id / f"told-{key_of(open_run(run.id))}")
    put(own_cache / "derived" / run.id / "renamed-0123456789abcdef")
    put(own_cache / "derived" / run.id / "told-0123456789abcdef.12345678.partial")
    put(own_cache / "derived" / SEVERAL / "between-0123456789abcdef-0123456789abcdef")
    part = put(own_cache / "scoring" / "broken--off" / "analyses" / "0123456789abcdef" / "000000-0.arrow")
    put(own_cache / "scoring" / run.id / "analyses" / "0123456789abcdef" / "000000-0.arrow").touch()  # just now
    for folder in (run.folder, runs / "never--begun", part.parents[1], part.parents[2]):
        age(folder)
    return {
        f"{BASE}-{OTHER}",
        f".{BASE}-{SHA}-abc",
        f"{BASE}-{OTHER}x.lock",
        ".deleted-12345678",
        ".pulled-12345678",
        "never--begun",
        "scores.parquet.12345678.partial",
        "a.parquet.12345678.partial",
        "broken--off",
        "a--gone--run",
        "renamed-0123456789abcdef",
        "told-0123456789abcdef.12345678.partial",
    }


def everything():
    return {path for path in files.cache().rglob("*") if path.name != ".lock"}


def test_it_finds_what_was_left_and_nothing_else(cache):
    assert {found.path.name for found in leftovers()} == cache


def test_what_is_being_written_stays(cache, run):
    put(run.folder / ".lock", "")
    (files.cache() / "maps" / "new.parquet.12345678.partial").write_text("")
    with FileLock(run.folder / ".lock"):
        found = {found.path.name for found in leftovers()}
    assert found == cache - {"scores.parquet.12345678.partial"}


def test_the_scoring_of_a_shipped_run_stays(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SHIPPED", tmp_path / "shipped")
    lock = put(tmp_path / "shipped" / "runs" / "broken--off" / ".lock", "")
    with FileLock(lock):
        assert {found.path.name for found in leftovers()} == cache - {"broken--off"}
    assert {found.path.name for found in leftovers()} == cache


def test_it_asks_first(cache, monkeypatch, capsys):
    before = everything()
    monkeypatch.setattr("builtins.input", lambda question: "n")
    assert main(["clean"]) == 0
    assert everything() == before
    assert "another version" in capsys.readouterr().out
    monkeypatch.setattr("builtins.input", lambda question: (_ for _ in ()).throw(EOFError))
    assert main(["clean"]) == 2
    assert everything() == before


def test_it_takes_away_what_it_has_listed(cache, capsys):
    before = everything()
    assert main(["clean", "--yes", "--json"]) == 0
    removed = json.loads(capsys.readouterr().out)
    assert {row["path"].rpartition("/")[2] for row in removed} == cache
    assert {path.name for path in before - everything()} >= cache
    assert leftovers() == []
    assert main(["clean"]) == 0
    assert (files.cache() / "models" / f"{BASE}-{SHA}" / "model.safetensors").is_file()
    assert (files.cache() / "models" / f"mine-{OTHER}").is_dir()  # of a GGUF file of one's own
    assert (files.cache() / "runs" / "torn--manifest" / "responses-1.parquet").is_file()


def test_the_doctor_names_what_is_wrong(cache, capsys, monkeypatch):
    monkeypatch.setattr(doctor, "LITTLE_DISK", 0)  # this machine's disk may be nearly full
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["problems"], found["models"].get("ready", 0) > 0) == ([], True)
    assert {row["path"].rpartition("/")[2] for row in found["leftovers"]} == cache
    put(files.cache() / "runs" / "broken" / "manifest.json", "{")
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "homog_core delete broken" in said
    assert f"{len(cache)}, 0.0 GB: `homog clean`" in said


def test_the_doctor_names_a_run_that_was_broken_off_and_not_one_that_is_written(own_cache):
    with make_plan([make_question("q0")], Decoding(n_samples=2)).open() as writer:
        assert not any(writer.run.id in problem for problem in examine().problems)
    (problem,) = [problem for problem in examine().problems if writer.run.id in problem]
    assert "was broken off: the command that began it goes on with it" in problem
