"""Work on a real Ray cluster: a run scored as on one machine though a worker is killed, and workers that complain."""

import os
import signal
import socket
import sys
from importlib.util import find_spec

import pandas as pd
import pytest
from fakes import FakeEncoder
from scored_runs import ANSWERS, QUESTIONS, sampled

from homog_core.cli.cluster import spread_over
from homog_core.errors import HomogError, InvalidInput
from homog_core.runs import evidence
from homog_core.runs.score import score_run
from homog_core.runs.verify import verify
from homog_core.sampling import cluster_tasks
from homog_core.sampling.cluster import LOCAL, connected

pytestmark = pytest.mark.usefixtures("no_shipped_runs")
TABLES = ("clusters", "grades", "scores", "maps")


@pytest.fixture(scope="module")
def spread():
    """Tasks on two workers of this machine."""
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install 'homog-core[cluster]'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))  # workers find the fakes, and what is here
        with connected(LOCAL, 1) as cluster:
            yield spread_over(cluster._replace(n_workers=2))


class DeadlyEncoder(FakeEncoder):
    """The first process that encodes with it dies, and leaves a file."""

    def __init__(self, marker):
        super().__init__()
        self.marker = marker

    def encode(self, texts):
        try:
            self.marker.touch(exist_ok=False)
        except FileExistsError:
            return super().encode(texts)
        os.kill(os.getpid(), signal.SIGKILL)


class Broken:
    """It does not arrive."""

    def __reduce__(self):
        return int, ("x",)


def complain(what):
    raise InvalidInput(f"{what} does not work.")


def stumble(what):
    raise KeyError(what)


def die(_):
    os.kill(os.getpid(), signal.SIGKILL)


def scored(spread, encoder):
    run = sampled(answers=ANSWERS, questions=QUESTIONS, n_samples=4)
    reported = []
    run = score_run(run.id, [encoder], on_progress=lambda *said: reported.append(said), spread=spread)
    assert ("Scoring", len(QUESTIONS), len(QUESTIONS)) in reported
    return run


def test_a_run_is_scored_as_on_one_machine_though_a_worker_dies(spread, tmp_path, monkeypatch):
    monkeypatch.setattr(evidence, "ENCODED_CHUNK", 3)  # texts of one item
    marker = tmp_path / "died"
    with monkeypatch.context() as patch:
        patch.setenv("HOMOG_CACHE", str(tmp_path / "alone"))
        alone = scored(map, FakeEncoder())
        expected = {name: alone.table(name) for name in ("embeddings-fake", "similarities", *TABLES)}

    found = scored(spread, DeadlyEncoder(marker))

    assert marker.exists()
    assert found.id == alone.id
    assert verify(found.id) == []
    for name, table in expected.items():
        pd.testing.assert_frame_equal(found.table(name), table, check_exact=name not in ("scores", "maps"))


def test_every_item_is_done_once(spread):
    assert sorted(spread(str, range(30))) == sorted(map(str, range(30)))
    assert list(spread(str, [])) == []


def test_what_a_worker_says_is_one_sentence_with_its_machine(spread):
    with pytest.raises(InvalidInput, match=f"^On {socket.gethostname()}: This does not work.$"):
        list(spread(complain, ["This"]))
    with pytest.raises(HomogError, match=rf"^A worker on {socket.gethostname()} failed \(KeyError: 'this'\)\.$"):
        list(spread(stumble, ["this"]))
    with pytest.raises(HomogError, match=r"^A worker could not begin \(System error: invalid literal"):
        list(spread(str, [Broken()]))


def test_work_that_ends_every_worker_is_given_up(spread, monkeypatch):
    monkeypatch.setattr(cluster_tasks, "ATTEMPTS", 1)
    with pytest.raises(HomogError, match=r"^1 workers have died over the same part of the work"):
        list(spread(die, [None]))


def test_a_worker_with_other_versions_is_refused(spread, monkeypatch):
    others = cluster_tasks._versions() | {"numpy": "1.0"}
    monkeypatch.setattr(cluster_tasks, "_versions", lambda: others)
    with pytest.raises(HomogError, match=r"has numpy .* and the machine of the command 1\.0"):
        list(spread(str, [1]))
