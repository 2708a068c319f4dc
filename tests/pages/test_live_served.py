"""The Live lab with a server that is up and one that is not, and a served model from its first token to Stop."""

import time

from fake_server import serving
from fakes import TIMEOUT, FakeEncoder, make_question
from page_testing import open_page, words

from homog_core.catalogue.servers import SERVERS
from homog_core.device import Device
from homog_core.live import LiveQueue, Request
from homog_core.records import Decoding, Question
from homog_core.runs.verify import verify
from homog_core.sampling.load import load_sampler
from homog_core.sampling.remote import served_models


def write_servers(own_cache, *urls):
    entries = [f'[[servers]]\nkey = "s{i}"\nurl = "{url}"\nprompt_style = "plain"\n' for i, url in enumerate(urls)]
    (own_cache / "models.toml").write_text("".join(entries))


def wait_for(queue, job_id, is_so):
    deadline = time.monotonic() + TIMEOUT
    while not is_so(snapshot := queue.snapshot(job_id)):
        assert time.monotonic() < deadline, snapshot
        time.sleep(0.01)
    return snapshot


def queue_of():
    return LiveQueue(load_sampler, [FakeEncoder()], probe=lambda: Device("test", 10**9, 4))


def test_the_models_of_a_server_are_offered_and_one_that_is_down_is_said(own_cache, no_shipped_runs):
    with serving() as server:
        write_servers(own_cache, server.url, "http://127.0.0.1:9/v1")
        app = open_page("live_lab", model="s0--toy--six")
    assert not app.exception
    assert app.multiselect(key="widget:model").value == ["s0--toy--six"]
    assert "The server at 127.0.0.1:9 does not answer" in words(app)


def test_a_served_model_is_sampled_live_and_kept(own_cache, no_shipped_runs):
    with serving() as server:
        write_servers(own_cache, server.url)
        (spec,) = served_models(SERVERS["s0"])
        queue = queue_of()
        draw = Question("die", "test", "Roll a die.", references=("1", "2"), answer_type="draw")
        for question in (make_question("fox"), draw):
            decoding = Decoding(n_samples=3, max_new_tokens=5)
            done = wait_for(queue, queue.submit(Request((spec,), question, decoding)), lambda s: s.is_over)
            assert (done.state, done.models[0].draw) == ("done", None)
            assert done.models[0].entropy_kind == "top_k:7"
        (run,) = queue.keep(done.id)
    assert verify(run.id) == []
    assert run.provenance.served.host == server.url[7:-3]


def test_stop_closes_the_requests_of_a_server_that_says_nothing(own_cache):
    with serving() as server:
        write_servers(own_cache, server.url)
        (spec,) = served_models(SERVERS["s0"])
        server.faults["slow"] = -1
        queue = queue_of()
        job_id = queue.submit(Request((spec,), make_question("fox"), Decoding(n_samples=2)))
        wait_for(queue, job_id, lambda s: any(body["stream"] for body in server.requests))
        queue.stop(job_id)
        assert wait_for(queue, job_id, lambda s: s.is_over).state == "stopped"
        assert server.hung_up.wait(TIMEOUT)
