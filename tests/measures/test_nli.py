"""NLI cross-encoders: the real code on a tiny random DeBERTa-v3."""

import re
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import torch
from fakes import NLI_MAX_TOKENS, tiny_nli
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from homog_core.errors import InvalidInput, ModelUnavailable, OutOfMemory
from homog_core.measures.nli import NLI_CLASSES, NliCrossEncoder, is_on_this_machine

LABELS = ("contradiction", "entailment", "neutral")  # as cross-encoder/nli-deberta-v3-* have them
PAIRS = [("a b", "c"), ("c", "a b"), ("a", "b c d e f g h"), ("q a b c", "q z"), ("", "e"), ("d", "d"), ("d e", "f")]
TOO_LONG = ("a b", " ".join("c" * 30))  # 35 tokens with [CLS] and two [SEP]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    return tiny_nli(tmp_path_factory.mktemp("models") / "Tiny-NLI", LABELS)


@pytest.fixture
def nli(folder) -> NliCrossEncoder:
    return NliCrossEncoder(folder)


def plain_probabilities(folder, pairs):
    """Softmax of a plain forward pass, pair by pair, in the order of the model's own columns."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        logits = [model(**tokenizer(*pair, return_tensors="pt")).logits[0] for pair in pairs]
    return torch.softmax(torch.stack(logits), dim=-1).numpy()


@pytest.mark.parametrize(
    ("labels", "columns"),  # where entailment, neutral and contradiction stand among the labels
    [
        (LABELS, [1, 2, 0]),
        (("entailment", "neutral", "contradiction"), [0, 1, 2]),
        (("CONTRADICTION", "NEUTRAL", "ENTAILMENT"), [2, 1, 0]),
        (("Neutral", "Entailment", "contradiction"), [1, 0, 2]),
    ],
)
def test_probabilities_are_a_plain_forward_pass_in_the_order_of_the_labels(tmp_path, labels, columns):
    folder = tiny_nli(tmp_path / "model", labels)
    found = NliCrossEncoder(folder).predict(PAIRS)
    np.testing.assert_allclose(found.probabilities, plain_probabilities(folder, PAIRS)[:, columns], atol=1e-5)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-6)
    assert found.probabilities.dtype == np.float32
    assert found.probabilities.argmax(axis=1).tolist() != [0] * len(PAIRS)  # the tiny model says different things
    assert not found.truncated.any()


def test_the_two_directions_are_two_questions(nli):
    there, back = nli.predict(PAIRS[:2]).probabilities
    assert np.abs(there - back).max() > 0.01


def test_a_pair_does_not_depend_on_the_others(folder, nli):
    expected = nli.predict(PAIRS).probabilities
    same = {
        "order": nli.predict(PAIRS[::-1]).probabilities[::-1],
        "batches of two": NliCrossEncoder(folder, batch_size=2).predict(PAIRS).probabilities,
        "alone": np.concatenate([nli.predict([pair]).probabilities for pair in PAIRS]),
        "beside longer ones": nli.predict([TOO_LONG, *PAIRS, TOO_LONG]).probabilities[1:-1],
        "twice": nli.predict([*PAIRS, *PAIRS]).probabilities[len(PAIRS) :],
    }
    for found in same.values():
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_pair_is_cut_exactly_where_the_model_ends(nli):
    room = NLI_MAX_TOKENS - 3 - 2  # beside [CLS], two [SEP] and "a b"
    fits, too_long, other_way = (
        ("a b", " ".join("c" * room)),
        ("a b", " ".join("c" * (room + 1))),
        (" ".join("c" * (room + 1)), "a b"),
    )
    found = nli.predict([too_long, fits, other_way, ("a", "b")])
    assert found.truncated.tolist() == [True, False, True, False]
    # the longer text is cut, so what is left of the first pair is the second
    np.testing.assert_allclose(found.probabilities[0], found.probabilities[1], atol=1e-5)


def test_no_pairs(nli):
    found = nli.predict([], on_batch=lambda done, total: pytest.fail("there is nothing to do"))
    assert (found.probabilities.shape, found.truncated.shape) == ((0, 3), (0,))


def fail_above(nli, n_pairs, error):
    """Let the model raise `error` for more than `n_pairs`; returns the list of batch sizes that it is asked for."""
    nli.load()
    asked, model = [], nli._model.model
    forward = model.forward

    def fail(**arguments):
        asked.append(len(arguments["input_ids"]))
        if asked[-1] > n_pairs:
            raise error
        return forward(**arguments)

    model.forward = fail
    return asked


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory")],
    ids=["cuda", "cpu"],
)
def test_out_of_memory_halves_the_batch_and_changes_nothing(folder, nli, error):
    small, done = NliCrossEncoder(folder, batch_size=8), []
    asked = fail_above(small, 2, error)
    found = small.predict(PAIRS, on_batch=lambda n, total: done.append((n, total)))
    np.testing.assert_allclose(found.probabilities, nli.predict(PAIRS).probabilities, atol=1e-5)
    assert asked == [7, 4, 2, 2, 2, 1]  # batches of 8, 4 and then 2
    assert done == [(2, 7), (4, 7), (6, 7), (7, 7)]


def test_one_pair_that_does_not_fit_is_said(nli):
    asked = fail_above(nli, 0, torch.OutOfMemoryError("CUDA out of memory"))
    with pytest.raises(OutOfMemory, match="A single pair of answers does not fit"):
        nli.predict(PAIRS)
    assert asked[-1] == 1


def test_another_error_is_not_taken_for_it(nli):
    asked = fail_above(nli, 0, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="mat1"):
        nli.predict(PAIRS)
    assert len(asked) == 1


@pytest.mark.parametrize(
    "labels", [("entailment", "not_entailment"), ("LABEL_0", "LABEL_1", "LABEL_2"), (*LABELS, "other")]
)
def test_a_model_of_other_classes_is_refused_by_their_names(tmp_path, labels):
    nli = NliCrossEncoder(tiny_nli(tmp_path / "model", labels))
    for _ in range(2):  # and does not count as loaded
        with pytest.raises(InvalidInput, match=f"its classes are {', '.join(labels)}, not {', '.join(NLI_CLASSES)}"):
            nli.predict(PAIRS)


def test_a_tokenizer_without_its_vocabulary_is_refused(tmp_path):
    folder = tiny_nli(tmp_path / "model", LABELS)
    Path(folder, "tokenizer.json").unlink()  # transformers then reads every word as [UNK]
    with pytest.raises(InvalidInput, match="knows 32 tokens and its tokenizer 7"):
        NliCrossEncoder(folder).predict(PAIRS)


@pytest.mark.parametrize(("options", "ending"), [({}, ""), ({"context": False}, "-no-context")])
def test_the_key_says_whether_the_question_was_read(folder, options, ending):
    assert re.fullmatch(f"tiny-nli-[0-9a-f]{{6}}{ending}", NliCrossEncoder(folder, **options).key)
    assert NliCrossEncoder("cross-encoder/nli-RoBERTa", **options).key == f"cross-encoder--nli-roberta{ending}"
    assert NliCrossEncoder("nli-deberta-v3-base", **options).key == f"nli-deberta-v3-base{ending}"


def test_a_folder_has_one_key_and_another_of_its_name_another(folder, tmp_path, monkeypatch):
    key = NliCrossEncoder(folder).key
    other = tmp_path / "elsewhere" / "tiny-nli"
    other.mkdir(parents=True)
    assert NliCrossEncoder(str(other)).key != key
    monkeypatch.chdir(folder)
    assert NliCrossEncoder(".").key == key


def test_the_remedy_names_the_model_on_the_hub(monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", "nowhere")
    with pytest.raises(ModelUnavailable, match="`hf download cross-encoder/nli-deberta-v3-xsmall`"):
        NliCrossEncoder("nli-deberta-v3-xsmall").load()


def test_what_is_on_this_machine_is_known_without_a_network(folder, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert is_on_this_machine(folder)
    assert not is_on_this_machine("nobody/nothing")


def test_a_configuration_without_weights_is_not_a_model(tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--somebody--nli" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (tmp_path / "models--somebody--nli" / "refs").mkdir()
    (tmp_path / "models--somebody--nli" / "refs" / "main").write_text("abc")
    (snapshot / "config.json").write_text("{}")
    assert not is_on_this_machine("somebody/nli")
    (snapshot / "model.safetensors").write_bytes(b"")
    assert is_on_this_machine("somebody/nli")
