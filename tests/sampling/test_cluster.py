"""The sampler on a real Ray cluster: workers and nodes that die, workers that do not fit together, and no cluster."""

import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec

import numpy as np
import psutil
import pytest
from fakes import make_question, tiny_model, tiny_tokenizer

from homog_core.errors import HomogError, InvalidInput
from homog_core.records import Decoding, ModelSpec
from homog_core.runs.sample import sample_run
from homog_core.runs.store import open_run
from homog_core.runs.verify import verify
from homog_core.sampling import cluster as module
from homog_core.sampling.cluster import LOCAL, Cluster, Facts, RaySampler, Worker, _Member, chunk_size, connected
from homog_core.sampling.engine import TorchSampler

pytestmark = pytest.mark.usefixtures("no_shipped_runs")

QUESTIONS = [make_question(f"number {n}") for n in range(40)]
DECODING = Decoding(n_samples=3, max_new_tokens=40)
ROUNDING = 1e-4  # nats; fp32 in batches of other sizes


@pytest.fixture(scope="module")
def ray_is_here():
    """Ray reads its environment when it is imported, so no test does that before `connected`."""
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install 'homog-core[cluster]'")


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    """A tiny model on disk."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_model("llama").save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return ModelSpec("tiny", str(folder))


@pytest.fixture(scope="module")
def two_workers(ray_is_here):
    """Ray on this machine, of which two workers are used, however many cores there are."""
    with connected(LOCAL, 1) as cluster:
        yield cluster._replace(n_workers=2)


JOINED = "import ray, sys; ray.init(sys.argv[1], log_to_driver=False); print(ray.cluster_resources())"


def test_nobody_joins_the_ray_of_this_machine_without_its_token(two_workers):
    import ray

    def joined(**changed):
        command = [sys.executable, "-c", JOINED, ray.get_runtime_context().gcs_address]
        return subprocess.run(command, env=os.environ | changed, capture_output=True, text=True, check=False)

    assert len(os.environ["RAY_AUTH_TOKEN"]) == 64
    with_it, without_it = joined(), joined(RAY_AUTH_TOKEN="0" * 64)
    assert (with_it.returncode, "CPU" in with_it.stdout) == (0, True), with_it.stderr
    assert (without_it.returncode, without_it.stdout) == (1, "")
    assert "token" in without_it.stderr


@pytest.fixture(scope="module")
def alone(spec, tmp_path_factory):
    """The same run, sampled by this process alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOMOG_CACHE", str(tmp_path_factory.mktemp("alone")))
        run = sample_run(TorchSampler.from_pretrained(spec), QUESTIONS, DECODING, "plain")
        return run.id, run.responses()


def expect_the_same(run, alone):
    """Every question once, and all that is stored of its answers as one process alone has sampled it."""
    run_id, expected = alone
    found = run.responses()
    assert run.id == run_id
    assert verify(run.id)[0].startswith("There is no similarities.parquet")  # it is not scored; nothing else
    assert Counter(found["question_id"]) == {question.id: 3 + 1 for question in QUESTIONS}
    for name in ("question_id", "sample_index", "text", "finish_reason"):
        assert list(found[name]) == list(expected[name])
    assert list(map(list, found["tokens"])) == list(map(list, expected["tokens"]))
    for name in ("token_entropies", "token_logprobs"):
        differences = np.concatenate(list(found[name])) - np.concatenate(list(expected[name]))
        assert np.abs(differences).max() < ROUNDING
    assert run.provenance.n_tokens == found["tokens"].map(len).sum()


def sample_and_do(sampler, act):
    """Sample the run, and call `act` with a busy worker once questions are stored, until it returns True."""
    done = []

    def on_step(progress):
        busy = [member for member in sampler.members if member.state == "busy"]
        if progress.n_new and busy and not any(done):
            done.append(act(busy[0]))

    while not all(member.state == "free" for member in sampler.members):  # both have loaded the model
        for member in sampler._with_news(1):
            sampler._take(member)

    run = sample_run(sampler, QUESTIONS, DECODING, "plain", batch_questions=2, device=sampler.device, on_step=on_step)
    assert any(done)
    return run


def test_a_worker_that_is_killed_loses_nothing(two_workers, spec, alone):
    with RaySampler(two_workers, spec) as sampler:
        killed = []

        def kill(busy):
            killed.append(busy.pid)
            os.kill(busy.pid, signal.SIGKILL)
            return True

        run = sample_and_do(sampler, kill)
        pids = [member.pid for member in sampler.members]
    assert killed[0] not in pids
    assert run.provenance.device == "Ray, 2 × CPU, 1 threads"
    assert run.provenance.batch_questions == 2
    expect_the_same(run, alone)


def test_a_worker_that_dies_while_it_loads_is_replaced(two_workers, spec, monkeypatch):
    killed, tell = [], RaySampler._tell

    def tell_and_kill(self, member, state, *rest):
        tell(self, member, state, *rest)
        if state == "loading" and not killed:
            killed.append(member.pid)
            os.kill(member.pid, signal.SIGKILL)

    monkeypatch.setattr(RaySampler, "_tell", tell_and_kill)
    with RaySampler(two_workers._replace(n_workers=1), spec) as sampler:
        pids = [member.pid for member in sampler.members]
    assert len(pids) == len(killed) == 1 and pids != killed


def test_a_stopped_run_is_gone_on_with(two_workers, spec, alone):
    def stop(progress):
        if progress.n_new >= 10:
            raise KeyboardInterrupt

    with RaySampler(two_workers, spec) as sampler:
        with pytest.raises(KeyboardInterrupt):
            sample_run(sampler, QUESTIONS, DECODING, "plain", batch_questions=2, on_step=stop)
        assert all(member.state != "busy" for member in sampler.members)  # nobody works for nothing
        before = open_run(alone[0])
        assert before.provenance.status == "interrupted"
        stored = before.sampled_ids()
        run = sample_run(sampler, QUESTIONS, DECODING, "plain", batch_questions=2)
    assert 10 <= len(stored) < len(QUESTIONS)
    expect_the_same(run, alone)


def test_what_a_worker_says_is_one_sentence_with_its_machine(two_workers, spec, tmp_path):
    one = two_workers._replace(n_workers=1)
    with pytest.raises(HomogError, match=f"^On {socket.gethostname()}: "):
        RaySampler(one, ModelSpec("gone", str(tmp_path / "gone.gguf")))
    with RaySampler(one, spec) as sampler:
        too_long = Decoding(n_samples=1, max_new_tokens=10_000)
        with pytest.raises(InvalidInput, match=f"^On {socket.gethostname()}: The prompt of question .*exceed"):
            list(sampler.sample(QUESTIONS, too_long, "plain"))
        with pytest.raises(InvalidInput, match="no chat template"):
            sampler.prompt("Why?", "chat")
        assert sampler.batch_that_fits(QUESTIONS, DECODING, "plain") == 4


def test_a_node_that_goes_loses_nothing(two_workers, spec, alone):
    import ray

    ray.shutdown()  # the one on this machine
    from ray.cluster_utils import Cluster as Nodes

    options = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 100 << 20}
    nodes = Nodes(initialize_head=True, connect=False, head_node_args=options)
    try:
        second = nodes.add_node(num_cpus=1, object_store_memory=100 << 20)
        raylet = second.all_processes["raylet"][0].process.pid
        with connected(nodes.address, 1) as cluster, RaySampler(cluster, spec) as sampler:
            assert cluster == Cluster(2, 1, 0)
            there = []

            def remove(busy):
                if psutil.Process(busy.pid).ppid() != raylet:
                    return False
                there.append(busy.pid)
                nodes.remove_node(second, allow_graceful=False)
                return True

            run = sample_and_do(sampler, remove)
            left = [member.pid for member in sampler.members]
        assert len(there) == 1
        assert there[0] not in left
        expect_the_same(run, alone)
    finally:
        nodes.shutdown()


# Without a cluster


def test_without_ray_the_remedy_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(HomogError, match=r"pip install 'homog-core\[cluster\]'"), connected("10.0.0.1:6379", 1):
        pass


def node(alive=True, **resources):
    return {"Alive": alive, "Resources": resources}


def test_workers_fit_on_nodes_that_are_alive():
    nodes = [node(CPU=7.0, GPU=2.0), node(CPU=4.0), node(alive=False, CPU=64.0, GPU=8.0)]
    assert module._room(nodes, None) == Cluster(2, 0, 1)
    assert module._room(nodes, 3) == Cluster(2 + 1, 3, 0)
    with pytest.raises(InvalidInput, match="no node of the cluster has more than 7 cores"):
        module._room(nodes, 8)
    with pytest.raises(InvalidInput, match="--cpus-per-worker 4"):
        module._room([node(CPU=4.0)], None)


@pytest.mark.parametrize(("waiting", "size"), [(800, 64), (160, 40), (100, 32), (8, 8), (1, 1)])
def test_chunks_get_smaller_towards_the_end(waiting, size):
    assert chunk_size(waiting, 4, 64) == size


@pytest.mark.parametrize(("waiting", "workers", "size"), [(100, 2, 16), (24, 2, 12), (8, 2, 4), (16, 4, 4), (3, 2, 2)])
def test_chunks_of_several_batches_leave_work_for_the_other_workers(waiting, workers, size):
    assert chunk_size(waiting, workers, 4, 4) == size


def test_all_questions_are_handed_out():
    left, sizes = 800, []
    while left:
        sizes.append(chunk_size(left, 8, 32))
        left -= sizes[-1]
    assert left == 0
    assert sizes == sorted(sizes, reverse=True)
    assert (sizes[0], sizes[-2]) == (32, 16)


@pytest.mark.parametrize(("gpus", "sizes"), [(0, [8, 8, 8, 8, 8]), (1, [2] * 20)])
def test_a_worker_of_cores_gets_four_batches_and_decodes_each_question_once(llama_sampler, monkeypatch, gpus, sizes):
    """A worker in this process; a GPU decodes all of a chunk at once."""
    sampler, worker, chunks = object.__new__(RaySampler), Worker(None, None, 1), []
    sampler.cluster, sampler.members = Cluster(1, 1 - gpus, gpus), [_Member(None, None, 0.0, state="free")]
    worker._sampler = llama_sampler

    def tell(self, member, state, method, questions, *settings):
        chunks.append(len(questions))
        member.state, member.awaited = state, getattr(worker, method)(questions, *settings)

    def take(self, member):
        member.state = "free"
        return member.awaited, ""

    for name, own in {"_fill": lambda self: None, "_with_news": lambda self, _: self.members}.items():
        monkeypatch.setattr(RaySampler, name, own)
    monkeypatch.setattr(RaySampler, "_tell", tell)
    monkeypatch.setattr(RaySampler, "_take", take)
    decoding = Decoding(n_samples=3, max_new_tokens=12, stop=("a", "e", " "))
    found, expected = (
        {done.question_id: done for step in one.sample(QUESTIONS, decoding, "plain", 2) for done in step.finished}
        for one in (sampler, llama_sampler)
    )
    assert chunks == sizes
    assert {key: [one.text for one in own.responses] for key, own in found.items()} == {
        key: [one.text for one in own.responses] for key, own in expected.items()
    }


@pytest.mark.parametrize(
    ("field", "other"), [("revision", "b"), ("dtype", "bfloat16"), ("device", "NVIDIA A100")], ids=str
)
def test_workers_that_compute_with_something_else_are_refused(field, other):
    sampler = object.__new__(RaySampler)
    sampler.spec, sampler._facts = ModelSpec("tiny", "/tiny"), None
    first = Facts("a", "float32", "NVIDIA H100", 1, module._versions())
    sampler._check(first, _Member(None, None, 0.0, host="one"))
    sampler._check(first, _Member(None, None, 0.0, host="two"))
    with pytest.raises(HomogError, match=f"{field} '{other}' on three"):
        sampler._check(first._replace(**{field: other}), _Member(None, None, 0.0, host="three"))
    with pytest.raises(HomogError, match=r"three has torch 1\.0 and this machine"):
        newer = first._replace(packages=first.packages | {"torch": "1.0"})
        sampler._check(newer, _Member(None, None, 0.0, host="three"))


def test_a_question_that_ends_every_worker_is_named():
    deaths, chunk = Counter(), QUESTIONS[:2]
    module._count_deaths(deaths, chunk, "killed")
    module._count_deaths(deaths, chunk[1:], "killed")
    with pytest.raises(HomogError, match=f"3 workers have died over question '{QUESTIONS[1].id}'"):
        module._count_deaths(deaths, chunk[1:], "killed")
