"""Fakes for the edges (models, encoders, the device) and two tiny real models. What is under test stays real."""

import hashlib
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from benchmarks.tiny import TINY_SIZES
from homog_core import files
from homog_core.measures.nli import NliProbabilities
from homog_core.records import (
    GREEDY,
    Decoding,
    Identity,
    ModelSpec,
    PromptStyle,
    Question,
    Reply,
    Response,
    ResponseSet,
)
from homog_core.runs.contents import commit
from homog_core.runs.manifest import identity_of, with_checksum
from homog_core.runs.sample import Progress, RunPlan, plan_run
from homog_core.runs.shipped import shipped_ids
from homog_core.sampling.prompts import Prompt, build_prompt
from homog_core.sampling.steps import Answer, Step, Token


def link_shipped(project: Path, folder: Path) -> Path:
    """Make `folder` a cache of what ships with a checkout, without the runs that somebody has kept beside that."""
    (folder / "runs").mkdir()
    for name in ("models", "draws", "maps", *(f"runs/{run_id}" for run_id in shipped_ids(project))):
        (folder / name).symlink_to(project / "cache" / name)
    return folder


SHIPPED_RUNS = list(shipped_ids())


MODEL_CACHE = os.environ.get("HOMOG_CACHE") or str(files.SHIPPED)  # where conversions are kept between sessions


TIMEOUT = 90  # seconds that a test waits for another thread or process before it fails; the machine may be busy


ENTROPY, LOGPROB = 0.5, -0.25  # of every token that a fake model says


FAKE_SPEC = ModelSpec("fake", "nobody/fake", family="Fake", stage="base")


def make_question(question_id: str, text: str = "") -> Question:
    return Question(question_id, "test", text or f"What is {question_id}?")


def make_response(text: str) -> Response:
    """A response whose tokens are its words and an end token, all with the same entropy and log-probability."""
    words = text.split(" ") if text else []
    tokens = (*(word if i == 0 else f" {word}" for i, word in enumerate(words)), "")
    size = len(tokens)
    return Response(text, tokens, np.full(size, ENTROPY, "float32"), np.full(size, LOGPROB, "float32"), "stop")


def make_responses(question: Question, answers: Sequence[str], decoding: Decoding) -> ResponseSet:
    """Sample i says answers[i], from the start again when they run out; the greedy response says the first."""
    samples = tuple(make_response(answers[i % len(answers)]) for i in range(decoding.n_samples))
    prompt = build_prompt(question.text, "plain", None).text
    return ResponseSet(question.id, FAKE_SPEC.key, prompt, decoding, samples, make_response(answers[0]))


def make_identity(
    questions: Sequence[Question], model: str = "fake", dataset: str = "test", decoding: Decoding | None = None
) -> Identity:
    """The identity of a run over questions whose prompts are their ids."""
    return identity_of(
        [(question, question.id) for question in questions],
        model=model,
        revision="fake-1",
        dtype="float32",
        dataset=dataset,
        decoding=decoding or Decoding(),
        prompt_style="plain",
    )


def make_plan(
    questions: Sequence[Question], decoding: Decoding, model: ModelSpec = FAKE_SPEC, style: PromptStyle = "plain"
) -> RunPlan:
    """The run that a fake sampler of `model` would make."""
    asked = [(question, build_prompt(question.text, style, None).text) for question in questions]
    return plan_run(asked, decoding, style, model=model, revision=FakeSampler.revision, dtype=FakeSampler.dtype)


class FakeSampler:
    """Says scripted answers, one word per step, and remembers which questions it was asked."""

    revision, device, dtype = "fake-1", "test", "float32"

    def __init__(
        self,
        answers: Mapping[str, Sequence[str]] | None = None,
        spec: ModelSpec = FAKE_SPEC,
        before_step: Callable[[], None] = lambda: None,
    ) -> None:
        self.answers, self.spec, self.before_step = answers or {}, spec, before_step
        self.asked: list[str] = []
        self.closed = threading.Event()

    def sibling(self, spec: ModelSpec) -> "FakeSampler | None":
        return FakeSampler(self.answers, spec, self.before_step) if spec.source == self.spec.source else None

    def prompt(self, question: str, style: PromptStyle) -> Prompt:
        return build_prompt(question, style, None)

    def sample(
        self, questions: Sequence[Question], decoding: Decoding, style: PromptStyle, batch_questions: int = 4
    ) -> Iterator[Step]:
        try:
            for start in range(0, len(questions), batch_questions):
                yield from self._batch(questions[start : start + batch_questions], decoding)
        finally:
            self.closed.set()

    def _batch(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Step]:
        self.asked += [question.id for question in questions]
        sets = [make_responses(q, self.answers.get(q.id, ("a b",)), decoding) for q in questions]
        rows = [(s, i, r) for s in sets for i, r in [*enumerate(s.responses), (GREEDY, s.greedy)]]
        length = {s.question_id: max(len(r.tokens) for owner, _, r in rows if owner is s) for s in sets}
        for position in range(max(length.values())):
            self.before_step()
            answers = tuple(_answer(s, i, r, position) for s, i, r in rows if position < len(r.tokens))
            yield Step(answers, tuple(s for s in sets if length[s.question_id] == position + 1))


def _answer(owner: ResponseSet, index: int, response: Response, position: int) -> Answer:
    said = [Token(text, ENTROPY, LOGPROB) for text in response.tokens]
    text = "".join(response.tokens[: position + 1])
    return Answer(owner.question_id, index, said, position + 1, text, "stop" if position == len(said) - 1 else None)


def make_row(
    question: str | None = "Why?", answers: Sequence[str | None] = ("a", "b"), **fields: Any
) -> dict[str, Any]:
    """A question with its answers, as a line of an imported file says them."""
    return {"question": question, "answers": list(answers), **fields}


def texts_of(run: Any) -> dict[tuple[str, int], str]:
    """The texts of a run's responses by question and sample."""
    return {(row.question_id, row.sample_index): row.text for row in run.responses().itertuples()}


def edit_rows(folder: Path, name: str, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
    """Change the rows of one file of a run as its own writer would: the manifest has the hash of what is there then."""
    table = pq.read_table(folder / name)
    commit(folder, {name: pa.Table.from_pylist(change(table.to_pylist()), schema=table.schema)})


def edit_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what a run's manifest says as its own writer would, which has a checksum that fits."""
    content = json.loads((folder / "manifest.json").read_text())
    change(content)
    (folder / "manifest.json").write_text(with_checksum({k: v for k, v in content.items() if k != "checksum"}))


def without_sentences(folder: Path, **fields: Any) -> None:
    """Take the text out of a run's questions, as `strip` does, and set other fields."""
    edit_rows(folder, "questions.parquet", lambda rows: [row | {"text": None, **fields} for row in rows])


def write_rows(path: Path, *rows: Any) -> Path:
    """A file of these lines; what is not a text becomes JSON."""
    path.write_bytes(b"".join((row if isinstance(row, str) else json.dumps(row)).encode() + b"\n" for row in rows))
    return path


# A run of four questions that three test files look at

DECODING = Decoding(n_samples=4)


QUESTIONS = [make_question(name) for name in ("mixed", "same", "single", "empty")]


ANSWERS = {
    "mixed": ("red fox", "red fox", "blue whale", "red fox"),
    "same": ("green frog",),
    "single": ("", "", "grey seal", ""),  # one valid response
    "empty": ("",),
}


class Interrupted(Exception):
    """Raised in the middle of sampling."""


def interrupt_after(n_questions: int) -> Callable[[Progress], None]:
    def on_step(progress: Progress) -> None:
        if progress.n_new == n_questions:
            raise Interrupted

    return on_step


class Gate:
    """Stands before every step of a fake sampler until the test lets it through."""

    def __init__(self) -> None:
        self._reached, self._allowed = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self) -> None:
        self._reached.release()
        assert self._allowed.acquire(timeout=TIMEOUT)

    def wait_until_reached(self) -> None:
        assert self._reached.acquire(timeout=TIMEOUT)

    def let_through(self, steps: int = 1) -> None:
        self._allowed.release(steps)


class FakeEncoder:
    """Equal texts get the same unit vector, different texts nearly orthogonal ones."""

    key, is_loaded = "fake", True

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def load(self) -> None:
        pass

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        self.encoded += texts
        return np.stack([_unit_vector(text) for text in texts]) if len(texts) else np.zeros((0, 64), "float32")


def _unit_vector(text: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    vector = np.random.default_rng(seed).normal(size=64)
    return (vector / np.linalg.norm(vector)).astype(np.float16).astype(np.float32)


class FakeJudge:
    """Groups answers by what `sort` makes of them, after a number of replies that nobody can read."""

    key = "fair"

    def __init__(self, sort: Callable[[str], Any], unreadable: int = 0) -> None:
        self.sort, self.unreadable = sort, unreadable
        self.asked: list[str] = []

    def ask(self, prompt: str) -> Reply:
        self.asked.append(prompt)
        groups: dict[Any, list[int]] = {}
        for number, answer in re.findall(r"^(\d+)\. (.*)$", prompt, re.MULTILINE):
            groups.setdefault(self.sort(json.loads(answer)), []).append(int(number))
        text = "They differ." if len(self.asked) <= self.unreadable else json.dumps(list(groups.values()))
        return Reply(text, len(prompt.split()), len(text.split()))


class FakeNli:
    """Says scripted probabilities of (premise, hypothesis), neutral where it has none, and remembers the pairs."""

    key = "scripted"

    def __init__(self, script: Mapping[tuple[str, str], Sequence[float]], *, context: bool = False) -> None:
        self.script, self.context = script, context
        self.judged: list[tuple[str, str]] = []

    def predict(
        self, pairs: Sequence[tuple[str, str]], on_batch: Callable[[int, int], None] = lambda done, total: None
    ) -> NliProbabilities:
        self.judged += pairs
        said = [self.script.get(pair, (0.1, 0.8, 0.1)) for pair in pairs]
        return NliProbabilities(np.array(said, dtype="float32").reshape(-1, 3), np.zeros(len(pairs), dtype=bool))


def tiny_tokenizer():
    """A byte-level BPE tokenizer of 300 tokens: any text, multi-byte characters in pieces."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<s>", "</s>", "<pad>"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(
        ["Q: Which planet do astronauts call home, and is sea water safe to drink?\nA:"], trainer
    )
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>")


def tiny_model(architecture: str):
    """A random model of two layers, seeded, in fp32. Weights are large enough for uneven next-token distributions."""
    import torch
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    if architecture == "llama":
        return LlamaForCausalLM(LlamaConfig(**TINY_SIZES)).eval()
    layers = ["sliding_attention", "full_attention"]
    config = Gemma3TextConfig(**TINY_SIZES, sliding_window=8, query_pre_attn_scalar=8, layer_types=layers)
    return Gemma3ForCausalLM(config).eval()


def tiny_adapter(folder: Path, seed: int = 1) -> ModelSpec:
    """A random LoRA adapter for the tiny llama, saved in `folder`; returns the model that it makes of FAKE_SPEC."""
    import torch
    from peft import LoraConfig, get_peft_model

    model = tiny_model("llama")  # seeds torch itself
    torch.manual_seed(seed)
    config = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False)
    get_peft_model(model, config).save_pretrained(folder)
    return replace(FAKE_SPEC, key=f"fake-{folder.name}", stage="sft", parent="fake", adapter=str(folder))


NLI_MAX_TOKENS = 24  # what the tiny NLI model reads, with [CLS] and two [SEP]


def tiny_nli(folder: Path, labels: Sequence[str]) -> str:
    """A random DeBERTa-v3 cross-encoder of those classes, saved in `folder`; a word of a, b, c … is one token."""
    import torch
    from transformers import DebertaV2Config, DebertaV2ForSequenceClassification, DebertaV2Tokenizer

    special = [(token, 0.0) for token in ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]")]
    vocabulary = [*special, *((f"▁{letter}", -1.0) for letter in "abcdefghijklmnopqrstuvwxyz"), ("▁", -2.0)]
    DebertaV2Tokenizer(vocab=vocabulary).save_pretrained(folder)
    config = DebertaV2Config(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=NLI_MAX_TOKENS,
        initializer_range=0.3,
        relative_attention=True,
        position_buckets=8,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type="p2c|c2p",
        position_biased_input=False,
        type_vocab_size=0,
        pad_token_id=0,
        id2label=dict(enumerate(labels)),
        label2id={label: i for i, label in enumerate(labels)},
    )
    torch.manual_seed(0)
    DebertaV2ForSequenceClassification(config).save_pretrained(folder)
    return str(folder)


# The dashboard in a real browser

CHROMIUM = shutil.which("chromium")


PATIENCE = 240_000  # milliseconds that a page may take: models are loaded and sampled on a machine that may be busy


# On a deep link Streamlit's own client looks for its server under the page's path first.
STREAMLITS_OWN = ("404 (Not Found)",)


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def serving(
    own: Path, shipped: Path, port: int | None = None, **variables: str
) -> Iterator[tuple[str, subprocess.Popen, Path]]:
    """A real server with its own cache: its address, its process, and the file of what it logs, which is added to."""
    port = port or free_port()
    url, log = f"http://localhost:{port}", own / "server.log"
    program = (
        "import pathlib, sys; from homog_core import files; from streamlit.web.cli import main; "
        "files.SHIPPED = pathlib.Path(sys.argv.pop(1)); main()"
    )
    with log.open("a") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(shipped), "run", "serve.py", "--server.port", str(port)],
            cwd=files.PROJECT,
            env={**os.environ, "HOMOG_CACHE": str(own)} | variables,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + TIMEOUT
    while not _is_up(f"{url}/_stcore/health"):
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)  # the server needs the processor more
    try:
        yield url, process, log
    finally:
        process.terminate()
        process.wait(timeout=TIMEOUT)


def _is_up(health: str) -> bool:
    try:
        urllib.request.urlopen(health, timeout=TIMEOUT).close()
        return True
    except OSError:
        return False


def settled(page) -> None:
    """Wait until the script has run to its end."""
    page.locator("h1").wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.wait_for_function("() => !document.querySelector('[data-testid=stStatusWidget], [data-stale=true]')")
    page.wait_for_function("() => document.getAnimations().every(a => a.playState !== 'running')")  # fading in


def bars_are_free() -> bool:
    """Whether another thread can make a progress bar; loading a model does."""

    def make() -> None:
        list(tqdm([1, 2], file=io.StringIO(), mininterval=0))

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    thread.join(10)
    return not thread.is_alive()
