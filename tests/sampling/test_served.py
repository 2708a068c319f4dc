"""A real server with real weights, beside the same weights in our own engine; and a key that shows up nowhere."""

import io
import logging

import numpy as np
import pytest
from fake_server import serving
from fakes import MODEL_CACHE
from page_testing import html, open_page, words

from benchmarks import served
from homog_core.catalogue.models import MODELS
from homog_core.cli import main
from homog_core.records import Decoding, Question
from homog_core.runs import store
from homog_core.sampling.engine import TorchSampler

SPEC = MODELS["smollm2-135m-instruct"]
QUESTION = Question("planet", "test", "Name a planet.")
KEY = "sk-very-secret-7fe3"


@pytest.fixture(scope="module")
def sampler():
    with served.serving(SPEC.source) as server:
        yield served.sampler_of(server)


@pytest.fixture(scope="module")
def here():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOMOG_CACHE", MODEL_CACHE)
        return TorchSampler.from_pretrained(SPEC, dtype="float32")


def answers_of(sampler, decoding, style):
    steps = list(sampler.sample([QUESTION], decoding, style, 1))
    return steps[-1].finished[0], steps[-1].served


def test_a_served_model_draws_what_the_engine_draws(sampler, here):
    found, known = answers_of(sampler, Decoding(n_samples=3, max_new_tokens=6), "plain")
    assert (known.logprobs, known.is_tested, known.is_untruncated) == ("before", True, True)
    agreed = served.agreement(here, QUESTION, (*found.responses, found.greedy))
    assert len(agreed["bound"]) >= 4
    assert agreed["off"].mean() < 0.3  # llama.cpp rounds activations to 8 bits
    assert (agreed["bound"] < agreed["exact"] + 0.3).all()
    assert (agreed["bound"] > 0.3 * agreed["exact"] - 0.1).all()
    drawn, _ = answers_of(sampler, Decoding(n_samples=60, max_new_tokens=1), "plain")
    assert served.first_token_test(here, QUESTION, [r.tokens[0] for r in drawn.responses])["p"] > 0.001


def test_a_served_chat_is_the_template_of_the_engine(sampler, here):
    decoding = Decoding(n_samples=2, max_new_tokens=8)
    found, _ = answers_of(sampler, decoding, "chat")
    ours = list(here.sample([QUESTION], decoding, "chat", 1))[-1].finished[0].greedy
    assert found.greedy.text[:8] == ours.text[:8]
    np.testing.assert_allclose(found.greedy.token_logprobs[0], ours.token_logprobs[0], atol=0.3)


def test_a_key_is_nowhere_after_a_full_round(own_cache, no_shipped_runs, monkeypatch, capsys, caplog, tmp_path):
    monkeypatch.setenv("MY_KEY", KEY)
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    for name in (None, "openai", "httpx2"):  # whatever an earlier test has made of them
        caplog.set_level(logging.DEBUG, logger=name)
    try:
        with serving(refuses_key=0) as server:
            entry = f'[[servers]]\nkey = "toy"\nurl = "{server.url}"\nkey_variable = "MY_KEY"\nprompt_style = "plain"\n'
            (own_cache / "models.toml").write_text(entry)
            csv = tmp_path / "own.csv"
            csv.write_text("question\nWhy?\nWho?\n")
            sample = ["sample", "--server", "toy", "--model", "toy/six", "--dataset", str(csv), "--samples", "3"]
            assert main(["models", "--server", "toy"]) == 0
            assert main([*sample, "--max-new-tokens", "4"]) == 0
            (run,) = store.list_runs()
            assert server.keys == {f"Bearer {KEY}"}
            server.faults["refuses_key"] = -1
            assert main([*sample, "--seed", "1"]) == 1
            page = open_page("live_lab", model="toy--toy--six")
            assert page.multiselect(key="widget:model").value == ["toy--toy--six"]
            shown = [words(page), html(page)]
    finally:
        logging.getLogger().removeHandler(handler)
    for kind in ("csv", "jsonl", "html", "parquet"):
        assert main(["export", run.id, "--format", kind, "--output", str(tmp_path / f"out.{kind}")]) == 0
    assert main(["show", run.id]) == 0
    assert "lower bounds" in html(open_page("questions", run=run.id)) + words(open_page("questions", run=run.id))
    shown += [words(open_page("runs", run=run.id)), *capsys.readouterr(), log.getvalue()]
    assert "/completions" in log.getvalue()  # something was logged
    for text in shown:
        assert KEY not in text
    for path in (path for folder in (own_cache, tmp_path) for path in folder.rglob("*") if path.is_file()):
        assert KEY.encode() not in path.read_bytes(), path
