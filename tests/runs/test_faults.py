"""A disk that is full at any moment, and two of everything at once: one sentence, and nothing stored is lost."""

import errno
import json
import os
import threading
from contextlib import contextmanager
from itertools import count

import pytest
from fakes import TIMEOUT

from benchmarks.reliability.kills import _damaged, _left_behind
from benchmarks.reliability.scenes import DECODING, LAX, STRICT, ScriptedSampler, WordEncoder, questions, scored_run
from homog_core import files
from homog_core.errors import HomogError, NotFound
from homog_core.runs.delete import delete_run
from homog_core.runs.export import export_run
from homog_core.runs.importers import import_file
from homog_core.runs.importers.notes import About
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.runs.store import list_runs, open_run
from homog_core.runs.strip import strip
from homog_core.runs.verify import verify

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


def imported(name, n=3):
    path = files.cache() / f"{name}.jsonl"
    if not path.is_file():
        rows = [{"question": f"What is {name} {i}?", "answers": ["red", "blue"]} for i in range(n)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return import_file(path, About(name))


def exported(run):
    (files.cache() / "out").mkdir(exist_ok=True)
    return export_run(run, "csv", files.cache() / "out" / f"{run.id}.csv")


# A full disk


@contextmanager
def full_after(n, monkeypatch):
    """A disk that takes n files more."""
    written, real = count(), os.fsync

    def fsync(descriptor):
        if next(written) >= n:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        yield


WORK = {  # what is there before, and what is done with a full disk
    "sample": (lambda key: None, lambda key, run: sample_run(ScriptedSampler(key), questions(3), DECODING, "plain")),
    "score": (
        lambda key: scored_run(key, 3),
        lambda key, run: score_run(run.id, [WordEncoder()], clusterers=[LAX]),
    ),
    "import": (lambda key: None, lambda key, run: imported(key)),
    "export": (lambda key: scored_run(key, 3), lambda key, run: exported(run)),
    "strip": (lambda key: scored_run(key, 3), lambda key, run: strip(run.id)),
}


@pytest.mark.parametrize("name", WORK)
def test_a_disk_that_is_full_at_any_write_is_said_and_the_same_work_is_done_later(name, monkeypatch):
    prepare, work = WORK[name]
    for n in count():
        key = f"run-{n}"
        before = prepare(key)
        texts = before.responses() if before else None
        try:
            with full_after(n, monkeypatch):
                work(key, before)
            break
        except HomogError as error:
            assert "No space left on device" in str(error)
            assert "make room" in str(error)
        own = [run for run in list_runs() if run.identity.model == key]
        assert [problem for run in own for problem in _damaged(run.id)] == []
        if before:
            assert open_run(before.id).responses().equals(texts)
        work(key, before)
        (run,) = [run for run in list_runs() if run.identity.model == key]
        assert [problem for problem in verify(run.id) if "There is no" not in problem] == []
        assert _left_behind(run.folder) == []
    assert n >= 1  # it was full at least once


# Two at once


@contextmanager
def going_on(work):
    """Some work in a thread of its own that is in its middle, and waits there until this ends; what it raised."""
    inside, go_on, raised = threading.Event(), threading.Event(), []

    def wait(*_):
        inside.set()
        assert go_on.wait(TIMEOUT)

    def run():
        try:
            work(wait)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert inside.wait(TIMEOUT)
    yield raised
    go_on.set()
    thread.join(TIMEOUT)


def sampling(wait):
    sample_run(ScriptedSampler("busy"), questions(3), DECODING, "plain", on_step=wait)


def scoring(wait, key="busy"):
    class Slow(WordEncoder):
        key = "slow"

        def encode(self, texts):
            wait()
            return super().encode(texts)

    (run,) = [run for run in list_runs() if run.identity.model == key]
    score_run(run.id, [Slow()], clusterers=[LAX])


SECOND = {
    "a second sampling": lambda run: sample_run(ScriptedSampler("busy"), questions(3), DECODING, "plain"),
    "a scoring": lambda run: score_run(run.id, [WordEncoder()], clusterers=[STRICT]),
    "a strip": lambda run: strip(run.id),
    "a deletion": lambda run: delete_run(run.id),
}


@pytest.mark.parametrize("second", SECOND)
@pytest.mark.parametrize("first", ["a sampling", "a scoring"])
def test_of_two_that_write_one_run_the_second_is_refused_and_the_first_is_whole(first, second):
    if first == "a scoring":
        scored_run("busy", 3)
    with going_on(sampling if first == "a sampling" else scoring) as raised:
        (run,) = list_runs()
        with pytest.raises(HomogError, match="is being written"):
            SECOND[second](run)
    assert raised == []
    assert [problem for problem in verify(run.id) if "There is no" not in problem] == []
    assert len(open_run(run.id).responses()) == 3 * 5


def test_importing_exporting_and_another_import_do_not_disturb_each_other():
    whole = scored_run("first", 12)
    wanted = exported(whole).read_bytes()
    for run in (imported("a", 30), imported("b", 30)):
        delete_run(run.id)
    results = []

    def do(work):
        try:
            results.append(work())
        except HomogError as error:
            results.append(error)

    works = [lambda: exported(whole), *(lambda name=name: imported(name, 30) for name in ("a", "a", "b"))]
    threads = [threading.Thread(target=do, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = [result for result in results if isinstance(result, HomogError)]
    assert [error for error in refused if "is being written" not in str(error)] == []
    assert exported(whole).read_bytes() == wanted
    for name in "ab":
        assert len(imported(name, 30).responses()) == 30 * 3
    assert len(list_runs()) == 3
    assert [problem for run in list_runs() for problem in verify(run.id) if "There is no" not in problem] == []


def test_of_many_deletions_of_one_run_one_deletes_it():
    run = scored_run("gone", 3)
    ends, start = [], threading.Barrier(6)

    def delete():
        start.wait()
        try:
            delete_run(run.id)
            ends.append("deleted")
        except NotFound:
            ends.append("not there")
        except HomogError as error:
            ends.append("busy" if "is being written" in str(error) else str(error))

    threads = [threading.Thread(target=delete) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends.count("deleted") == 1
    assert set(ends) <= {"deleted", "not there", "busy"}
    assert list_runs() == []
