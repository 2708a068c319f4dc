import numpy as np
import pytest

from homog_core.errors import InvalidInput
from homog_core.leftovers import answer_text
from homog_core.records import Decoding, Question, Response, ResponseSet


def make_response(tokens=("Paris",), text=None, finish_reason="stop"):
    return Response(
        text="".join(tokens) if text is None else text,
        tokens=tuple(tokens),
        token_entropies=np.zeros(len(tokens)),
        token_logprobs=np.zeros(len(tokens)),
        finish_reason=finish_reason,
    )


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Paris", "Paris"),
        ("  Paris\n", "Paris"),
        ("<think>France …</think>Paris", "Paris"),
        ("\n  <think>\nFrance …\n</think>\n\nParis \n", "Paris"),
        ("<think></think>", ""),
        ("<think>France … Paris", ""),  # never closes
        (" \n<think>France … Paris", ""),
        ("The tag is <think>, closed by </think>.", "The tag is <think>, closed by </think>."),  # not leading
        ("<think>a</think>b</think>c", "b</think>c"),  # only the first block goes
        ("", ""),
        (" \n\t", ""),
    ],
)
def test_answer_is_without_leading_reasoning_and_white_space(text, answer):
    assert answer_text(text) == answer
    assert make_response(text=text).answer == answer


@pytest.mark.parametrize(
    ("text", "finish_reason", "is_valid"),
    [
        ("Paris", "stop", True),
        ("Paris and", "length", True),  # cut, but an answer
        ("Paris", "unknown", True),
        ("Paris", "error", False),
        ("<think>France", "length", False),
        ("  ", "stop", False),
    ],
)
def test_a_response_is_valid_when_it_answers_and_did_not_fail(text, finish_reason, is_valid):
    assert make_response(text=text, finish_reason=finish_reason).is_valid is is_valid


@pytest.mark.parametrize(
    ("tokens", "finish_reason", "own"),
    [
        (["Par", "is", "\n"], "stop", ["Par", "is"]),  # the token that ended it is not its own
        (["Par", "is"], "length", ["Par", "is"]),
        (["Par", "is"], "unknown", ["Par", "is"]),  # nobody has said that a token ended it
        (["<think>", "hm", "</think>", "42", "<eos>"], "stop", ["42"]),
        (["\n", "<th", "ink>", "hm</thi", "nk>", "42"], "length", ["42"]),  # marks split over tokens
        (["hm", "\n</think>", "\n\n", "42", "<eos>"], "stop", ["42"]),  # the template has opened the block
        (["<s>", "<think>", "a", "</think>", "<think>", "b", "</think>", "42"], "length", ["42"]),
        (["[THINK]", "hm", "[/THINK]", "4", "2"], "length", ["4", "2"]),
        (["The tag ", "</think", ">", "ends", " it"], "length", ["ends", " it"]),  # as if it did
        (["4", " <think>", "2", "</think>"], "length", ["4", " <think>", "2", "</think>"]),  # not leading
        (["<think>", "hm", "hm"], "length", []),
        (["<think>", "hm", "<eos>"], "stop", []),
        (["<think>", "</think>"], "stop", []),
        (["<eos>"], "stop", []),
        ([], "stop", []),
        ([], "error", []),
    ],
)
def test_own_tokens(tokens, finish_reason, own):
    response = make_response(tokens, finish_reason=finish_reason)

    assert list(response.tokens[response.own_tokens]) == own


@pytest.mark.parametrize("name", ["token_entropies", "token_logprobs"])
@pytest.mark.parametrize("shape", [(1,), (3,), (2, 1)])
def test_a_response_needs_one_value_per_token(name, shape):
    values = {"token_entropies": np.zeros(2), "token_logprobs": np.zeros(2)} | {name: np.zeros(shape)}

    with pytest.raises(InvalidInput, match=rf"{name} has shape .* for 2 tokens"):
        Response(text="a b", tokens=("a", " b"), finish_reason="stop", **values)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": ""}, "needs an id"),
        ({"text": " \n"}, "'q1' has no text"),
        ({"answer_type": "date"}, "'q1' has answer_type 'date'; use 'text', 'number' or 'draw'"),
    ],
)
def test_a_question_refuses_what_it_cannot_be(fields, message):
    with pytest.raises(InvalidInput, match=message):
        Question(**{"id": "q1", "dataset": "d", "text": "Why?"} | fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"n_samples": 0}, "number of samples is 0"),
        ({"temperature": 0.0}, "temperature is 0"),
        ({"temperature": -1.0}, "temperature is -1"),
        ({"temperature": float("inf")}, "temperature is inf"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"top_p": 0.0}, "top-p is 0"),
        ({"top_p": 1.01}, "top-p is 1.01"),
        ({"top_p": float("nan")}, "top-p is nan"),
        ({"top_k": -1}, "top-k is -1"),
        ({"max_new_tokens": 0}, "token limit is 0"),
    ],
)
def test_decoding_refuses_values_outside_its_limits(fields, message):
    with pytest.raises(InvalidInput, match=message):
        Decoding(**fields)


def test_decoding_takes_values_at_its_limits():
    decoding = Decoding(n_samples=1, temperature=1e-6, top_p=1.0, top_k=0, max_new_tokens=1)

    assert (decoding.n_samples, decoding.top_p, decoding.max_new_tokens) == (1, 1.0, 1)


def test_a_response_set_holds_as_many_responses_as_were_asked_for():
    fields = {"question_id": "q1", "model_key": "m", "prompt": "Q:", "decoding": Decoding(n_samples=2)}

    with pytest.raises(InvalidInput, match="'q1' has 1 responses, not 2"):
        ResponseSet(**fields, responses=(make_response(),), greedy=make_response())
