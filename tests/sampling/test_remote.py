"""The sampler of served models, against a small server that does everything wrong that one can ask of it."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from fake_server import LOGITS, WORDS, serving
from fakes import TIMEOUT, make_question

from homog_core.catalogue.servers import Server, served_source
from homog_core.errors import HomogError, InvalidInput, ModelUnavailable, NotFound
from homog_core.records import Decoding, ModelSpec
from homog_core.runs.sample import sample_run
from homog_core.runs.verify import verify
from homog_core.sampling.remote import RemoteSampler, served_models
from homog_core.sampling.served_line import NO_KEY, key_of

pytestmark = pytest.mark.usefixtures("no_shipped_runs")

QUESTIONS = [make_question(name) for name in ("fox", "whale", "seal")]
DECODING = Decoding(n_samples=4, max_new_tokens=6)
P = np.exp(LOGITS)
ENTROPY = -(P * LOGITS).sum()


def sampler_of(server, **settings):
    entry = Server("toy", server.url, **settings)
    return RemoteSampler.connect(ModelSpec("toy", served_source(entry, "toy/six")), server=entry)


def answers_of(sampler, decoding=DECODING, style="plain", questions=QUESTIONS):
    steps = list(sampler.sample(questions, decoding, style, 2))
    return {found.question_id: found for step in steps for found in step.finished}, steps


def texts_of(found):
    return {key: [response.text for response in one.responses] for key, one in found.items()}


@pytest.mark.parametrize("style", ["plain", "chat"])
def test_answers_are_those_of_the_engine_in_form(style):
    with serving() as server:
        found, steps = answers_of(sampler_of(server, top_logprobs=7), style=style)
    assert set(found) == {"fox", "whale", "seal"}
    for responses in found.values():
        assert len(set(responses.responses)) == DECODING.n_samples
        for response in (*responses.responses, responses.greedy):
            assert "".join(response.tokens).startswith(response.text)
            assert len(response.tokens) <= DECODING.max_new_tokens + 1  # the end that a server does not say
            assert style == "chat" or "\n" not in response.text
            own = response.own_tokens
            np.testing.assert_allclose(response.token_entropies[own], ENTROPY, atol=1e-5)  # all tokens are listed
            np.testing.assert_allclose(
                response.token_logprobs[own], [LOGITS[WORDS.index(t)] for t in response.tokens[own]], atol=1e-5
            )
            assert response.entropy_kind in ("top_k:7", "top_k:6")
    last = steps[-1].served
    assert (last.host, last.model, last.fingerprints) == (server.url[7:-3], "toy/six", ("toy-1",))
    assert (last.logprobs, last.is_tested, last.is_untruncated) == ("before", True, True)
    assert last.covered_mass == pytest.approx(1)
    assert all(body["top_k"] == -1 and body["min_p"] == 0 for body in server.requests)
    assert all(len({(a.question_id, a.sample_index) for a in step.answers}) == len(step.answers) for step in steps)


def test_a_short_list_bounds_the_entropy_from_below():
    with serving() as server:
        found, steps = answers_of(sampler_of(server, top_logprobs=3), style="chat")
    top, mass = P[:3], P[:3].sum()
    bound = -(top * np.log(top)).sum() - (1 - mass) * np.log(top.min())  # by hand: no other token is likelier
    assert -(top * np.log(top)).sum() / mass < bound < ENTROPY  # above H@k − ln m, which is the simpler bound
    response = found["fox"].responses[0]
    np.testing.assert_allclose(response.token_entropies[response.own_tokens], bound, atol=1e-5)
    assert (response.entropy_kind, steps[-1].served.covered_mass) == ("top_k:3", pytest.approx(mass))


def test_the_same_seed_gives_the_same_answers_in_whatever_order():
    with serving() as server:
        once, _ = answers_of(sampler_of(server))
        again, _ = answers_of(sampler_of(server, requests=1), questions=QUESTIONS[::-1])
        other, _ = answers_of(sampler_of(server), Decoding(n_samples=4, max_new_tokens=6, seed=1))
    assert texts_of(once) == texts_of(again) != texts_of(other)


def test_first_tokens_are_drawn_independently_and_follow_the_model():
    from scipy.stats import chisquare

    decoding = Decoding(n_samples=300, max_new_tokens=1)
    with serving() as server:
        found, _ = answers_of(sampler_of(server, requests=32), decoding, questions=QUESTIONS[:1])
    first = [response.tokens[0] for response in found["fox"].responses]
    counts = [first.count(word) for word in WORDS]
    assert chisquare(counts, P * 300).pvalue > 0.001


def test_no_more_requests_than_the_entry_says():
    with serving(meet=3) as server:
        answers_of(sampler_of(server, requests=3, check=False))
    assert server.most_at_once == 3


@pytest.mark.parametrize("fault", [{"busy": 3}, {"fails": 2}, {"breaks": 1}, {"damaged": 1}])
def test_what_passes_leaves_no_trace(fault):
    with serving() as server:
        good, _ = answers_of(sampler_of(server))
    with serving(**fault) as server:
        found, _ = answers_of(sampler_of(server))
    assert texts_of(found) == texts_of(good)


def test_a_server_that_always_breaks_off_is_said_and_what_is_finished_is_kept(own_cache):
    with serving() as server:
        sampler = sampler_of(server)
        with pytest.raises(ModelUnavailable, match="broke off an answer of 'toy/six' 3 times"):
            server.faults["sound"] = DECODING.n_samples + 1  # one question
            sample_run(sampler, QUESTIONS, DECODING, "plain", batch_questions=1)
        server.faults.clear()
        run = sample_run(sampler, QUESTIONS, DECODING, "plain", batch_questions=1)
        good, _ = answers_of(sampler_of(server))
    assert verify(run.id)[:1] == ["There is no similarities.parquet; run `python -m homog_core score " + run.id + "`."]
    stored = run.responses().query("sample_index >= 0").groupby("question_id")["text"].apply(list).to_dict()
    assert stored == texts_of(good)
    assert run.provenance.served.n_covered == sum(map(len, run.responses()["tokens"])) - unknown_ends(run)
    assert (run.provenance.device, run.provenance.status) == ("", "complete")


def unknown_ends(run):
    return sum(int(np.isnan(row[-1])) for row in run.responses()["token_logprobs"])


def test_without_log_probabilities_everything_else_works():
    with serving(bare=1) as server:
        found, steps = answers_of(sampler_of(server))
    response = found["fox"].responses[0]
    assert response.entropy_kind == "none"
    assert np.isnan(response.token_entropies).all()
    assert np.isnan(response.token_logprobs).all()
    with serving() as server:
        good, _ = answers_of(sampler_of(server))
    assert texts_of(found) == texts_of(good)
    assert (steps[-1].served.logprobs, steps[-1].served.covered_mass) == ("none", None)


@pytest.mark.parametrize(("temperature", "kind"), [(1.0, "top_k:7"), (0.7, "none")])
def test_numbers_after_temperature_are_kept_only_where_there_is_none(temperature, kind):
    decoding = Decoding(n_samples=2, max_new_tokens=6, temperature=temperature)
    with serving(after=1) as server:
        found, steps = answers_of(sampler_of(server, top_logprobs=7), decoding, style="chat")
    assert steps[-1].served.logprobs == "after"
    assert {response.entropy_kind for response in found["fox"].responses} == {kind}
    assert found["fox"].greedy.entropy_kind == "none"


def test_a_setting_says_what_log_probabilities_are():
    with serving(after=1) as server:
        _, steps = answers_of(sampler_of(server, logprobs="before"))
    assert (steps[-1].served.logprobs, steps[-1].served.is_tested) == ("before", False)


def test_a_server_that_gives_copies_is_asked_once_an_answer():
    with serving(copies=1) as server:
        found, _ = answers_of(sampler_of(server), style="chat")
        asked = [body["n"] for body in server.requests if body["stream"]]
    assert set(asked) == {1}
    assert all(len(set(texts)) > 1 for texts in texts_of(found).values())
    with serving() as server:
        answers_of(sampler_of(server), style="chat")
        asked = [body["n"] for body in server.requests if body["stream"]]
    assert sorted(asked) == [1, 1, 1, 4, 4, 4]


def test_a_server_with_fewer_slots_than_samples_is_asked_once_an_answer():
    """It has drawn four at once when it was tried out."""
    with serving(slots=4) as server:
        found, _ = answers_of(sampler_of(server), replace(DECODING, n_samples=6), style="chat")
    assert {len(set(texts)) > 1 for texts in texts_of(found).values()} == {True}
    assert [len(texts) for texts in texts_of(found).values()] == [6, 6, 6]


def test_a_fixed_seed_is_no_sample():
    with serving(fixed_seed=1) as server:
        with pytest.raises(HomogError, match="the same answer 4 times"):
            answers_of(sampler_of(server))
        found, _ = answers_of(sampler_of(server, check=False))
    assert len(set(texts_of(found)["fox"])) == 1


@pytest.mark.parametrize(("fault", "kind", "is_whole"), [("strict", "top_k:7", False), ("five", "top_k:5", True)])
def test_a_server_gets_requests_in_a_form_that_it_takes(fault, kind, is_whole):
    with serving(**{fault: -1}) as server:
        found, steps = answers_of(sampler_of(server))
    assert steps[-1].served.is_untruncated == is_whole
    assert kind in {response.entropy_kind for response in found["fox"].responses}


def test_a_server_of_newer_models_is_told_the_limit_by_the_name_that_it_takes():
    with serving(newer_limit=-1) as server:
        found, _ = answers_of(sampler_of(server), style="chat")
        first, *others = server.requests
    assert "max_tokens" in first
    assert len(others) > 3 and all("max_completion_tokens" in body and "max_tokens" not in body for body in others)
    assert len(found["fox"].responses) == DECODING.n_samples


def test_closing_closes_the_requests_at_once():
    with serving(slow=-1) as server:
        server.faults["slow"] = 0
        sampler = sampler_of(server)
        steps = sampler.sample(QUESTIONS, DECODING, "plain", 3)
        server.faults["slow"] = -1
        assert not next(steps).finished
        deadline = time.monotonic() + TIMEOUT
        while not server.at_once or not any(body["stream"] for body in server.requests):
            next(steps)
            assert time.monotonic() < deadline
        threads = threading.active_count()
        steps.close()
        assert server.hung_up.wait(TIMEOUT)
        assert threading.active_count() < threads


@pytest.mark.parametrize(
    ("fault", "words"),
    [("nonsense", "does not read"), ("fails", "failed with status 500"), ("refuses_key", "refuses the key in MY_KEY")],
)
def test_a_server_that_fails_is_named_and_the_key_is_not(fault, words, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    with serving(**{fault: -1}) as server:
        with pytest.raises(ModelUnavailable, match=words) as caught:
            answers_of(sampler_of(server, key_variable="MY_KEY"))
        assert server.keys == {"Bearer sk-very-secret"}
    assert server.url[7:-3] in str(caught.value)
    assert "sk-very" not in str(caught.value)


def test_a_missing_key_and_a_missing_model_and_no_server(monkeypatch):
    monkeypatch.delenv("MY_KEY", raising=False)
    with serving() as server:
        with pytest.raises(InvalidInput, match="set MY_KEY"):
            sampler_of(server, key_variable="MY_KEY")
        entry = Server("toy", server.url)
        with pytest.raises(NotFound, match="has no 'other'; it has toy/six"):
            RemoteSampler.connect(ModelSpec("other", served_source(entry, "other")), server=entry)
        assert [spec.key for spec in served_models(entry)] == ["toy--toy--six"]
    with pytest.raises(ModelUnavailable, match="does not answer"):
        sampler_of(server)
    with serving(no_list=-1) as server:
        assert answers_of(sampler_of(server))[0]


@pytest.mark.parametrize(
    ("url", "variable", "sent"),
    [
        ("https://api.example.org/v1", "OPENAI_API_KEY", "sk-very-secret"),
        ("http://localhost:8000/v1", "OPENAI_API_KEY", "sk-very-secret"),
        ("http://10.0.0.5:8000/v1", "OPENAI_API_KEY", NO_KEY),
        ("http://localhost.example.org/v1", "OPENAI_API_KEY", NO_KEY),
        ("http://10.0.0.5:8000/v1", "MY_KEY", "sk-very-secret"),  # somebody has said so
    ],
)
def test_the_usual_key_goes_to_no_server_unencrypted(monkeypatch, url, variable, sent):
    monkeypatch.setenv(variable, "sk-very-secret")
    assert key_of(Server("any", url, key_variable=variable)) == sent
