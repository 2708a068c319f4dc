"""What is fuzzed: for each reader its name, the form of its files, valid examples, and how the product reads one."""

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from benchmarks.reliability.fuzz import addresses, examples, server
from benchmarks.reliability.fuzz.judged import wrong_with
from benchmarks.reliability.scenes import scored_run
from homog_core import files
from homog_core.catalogue import tables as catalogue
from homog_core.catalogue.datasets import DATASETS, DatasetSpec
from homog_core.catalogue.encoders import ENCODERS, NLI_MODELS
from homog_core.catalogue.models import GGUF_WHEELS, MODELS, lineage
from homog_core.catalogue.servers import SERVERS, find_server
from homog_core.catalogue.studies import StudySpec
from homog_core.leftovers import removed
from homog_core.measures import combined, report_cards
from homog_core.measures.conflicts import statements
from homog_core.measures.grading import grade
from homog_core.measures.words import normalise, words_of
from homog_core.records import Question
from homog_core.runs import answer_maps, draw_sets
from homog_core.runs.dataset_formats import READERS
from homog_core.runs.importers import import_file
from homog_core.runs.importers.hub import hub_name
from homog_core.runs.importers.notes import About
from homog_core.runs.importers.study import entries
from homog_core.runs.importers.uploads import Upload, import_uploads
from homog_core.runs.manifest import read_manifest
from homog_core.runs.questions import load_questions
from homog_core.runs.rows import read_rows
from homog_core.runs.store import Run
from homog_core.runs.tables import read_parquet
from homog_core.runs.verify import verify

_GRADED = (
    Question("q", "own", "Which?", ("Mars", "a red one"), ("Venus",)),
    Question("q", "own", "How many?", ("1,000",), answer_type="number"),
)


@dataclass(frozen=True, slots=True)
class Target:
    """One reader."""

    name: str
    form: str  # of its files, as `mutations` knows them
    examples: tuple[bytes, ...]  # that are read without a complaint
    read: Callable[[Path], object]  # what the product does with a file
    takes: bool = True  # whether it takes the examples; otherwise it refuses everything
    share: float = 1.0  # of the inputs that others get: less for what is slow


def targets() -> list[Target]:
    """All but the pages. To be called with a folder of runs of its own, and in the process that reads."""
    formats = (
        ("JSONL", "jsonl", examples.JSONL), ("CSV", "csv", examples.CSV), ("JSON", "json", examples.JSON),
        ("Parquet", "parquet", examples.PARQUET), ("lm-eval", "jsonl", examples.LM_EVAL),
        ("Inspect JSON", "json", examples.INSPECT_JSON), ("Inspect archive", "zip", examples.INSPECT_ARCHIVE),
        ("HELM", "json", examples.HELM), ("OpenAI batch", "jsonl", examples.BATCH), ("vLLM", "jsonl", examples.VLLM),
        ("counted", "jsonl", examples.COUNTED),
    )  # fmt: skip
    return [
        *(Target(f"import: {name}", form, given, _imported) for name, form, given in formats),
        Target("import: input of a batch", "jsonl", (examples.BATCH_INPUT,), _batch_input),
        Target("import.toml", "toml", examples.STUDY, _study),
        Target("upload: archive", "zip", examples.STUDY_ARCHIVE, _uploaded),
        Target(
            "questions: CSV", "csv", examples.QUESTIONS_CSV, lambda path: load_questions(str(_called(path, "own.csv")))
        ),
        Target(
            "questions: JSONL",
            "jsonl",
            examples.QUESTIONS_JSONL,
            lambda path: load_questions(str(_called(path, "own.jsonl"))),
        ),
        *(Target(f"data set: {name}", *_published(name, content)) for name, content in examples.PUBLISHED.items()),
        Target("manifest.json", "manifest", (_manifest_of(_run()),), _manifest),
        *(Target(f"{name}.parquet", "parquet", (_table_of(_run(), name),), _table(name)) for name in _TABLES),
        Target("models.toml", "toml", (examples.MODELS,), _models),
        Target("studies.toml", "toml", (examples.STUDIES,), _catalogue_file(StudySpec, "studies")),
        Target("datasets.toml", "toml", (examples.DATASETS,), _catalogue_file(DatasetSpec, "datasets")),
        Target("report cards", "json", (examples.CARDS,), _cards),
        Target("weights", "json", (examples.WEIGHTS,), _weights),
        Target("draws", "json", (_draws(),), _read_draws),
        Target("answer map", "parquet", (_map(),), _read_map),
        Target("server: stream", "stream", examples.STREAMS, server.streamed),
        Target("server: whole answer", "json", examples.WHOLE, server.whole),
        Target("server: refusal", "json", examples.REFUSED, server.refused, takes=False),
        Target("server: list of models", "json", examples.LISTED, server.listed),
        Target(
            "address of a server, name on the hub",
            "text",
            (b"http://localhost:8000/v1", b"hf://datasets/a/b/c.jsonl"),
            _names,
        ),
        Target("text of a model", "text", examples.TEXTS, _model_text),
        Target("address: controls", "json", addresses.CONTROLS, addresses.controls),
    ]


def with_pages() -> list[Target]:
    """All of them and the whole pages, which are slow."""
    return [*targets(), Target("address: pages", "json", addresses.PAGES, addresses.page, share=0.1)]


_TABLES = ("questions", "responses-merged", "clusters", "grades", "scores", "maps", "similarities", "embeddings-words")


def _called(path: Path, name: str) -> Path:
    """The file under another name."""
    return Path(shutil.copy(path, path.with_name(name)))


# Imports


def _imported(path: Path, about: About | None = None) -> Run:
    """Import a file, read the run back, and take it away again."""
    given = path.with_name("input-of-batch")
    given.write_bytes(examples.BATCH_INPUT)
    return _read_back(import_file(path, about or About("m", "own", input=str(given))))


def _read_back(run: Run) -> Run:
    problems = [found for found in verify(run.id) if not found.startswith("There is no ")]  # it is not scored
    n = len(run.questions())
    answers = run.responses()
    shutil.rmtree(run.folder)
    assert problems == [] and len(answers) == n * (run.decoding.n_samples + 1), problems
    for note in run.provenance.import_notes:
        for words in (note.kind, note.first):
            assert not wrong_with(words) and len(words) <= 300 and note.count > 0, f"an import note: {words[:300]!r}"
    return run


def _batch_input(path: Path) -> Run:
    output = path.with_name("output-of-batch")
    output.write_bytes(examples.BATCH[0])
    return _imported(output, About("m", "own", input=str(path)))


def _study(path: Path) -> list[object]:
    folder = path.parent / "study"
    folder.mkdir(exist_ok=True)
    shutil.copy(path, folder / "import.toml")
    return list(entries(folder, About()))


def _uploaded(path: Path) -> None:
    for run in import_uploads([Upload("study.zip", path.read_bytes())], About()).runs:
        _read_back(run)


# Questions


def _published(name: str, content: bytes) -> tuple[str, tuple[bytes, ...], Callable[[Path], object]]:
    ending = Path(DATASETS[name].files[0].removesuffix(".gz")).suffix.removeprefix(".")
    form = ending if ending in ("csv", "jsonl") else "json"

    def read(path: Path) -> list[Question]:
        return list(READERS[name](read_rows(_called(path, f"own.{ending}")), "own"))

    return form, (content,), read


# Stored runs


@cache
def _run() -> Run:
    return scored_run("fuzzed", 2)


def _manifest_of(run: Run) -> bytes:
    return (run.folder / "manifest.json").read_bytes()


def _manifest(path: Path) -> object:
    folder = path.parent / "manifested"
    folder.mkdir(exist_ok=True)
    _fresh(path, folder / "manifest.json")
    return read_manifest(folder)


def _table_of(run: Run, name: str) -> bytes:
    return (run.folder / f"{name}.parquet").read_bytes()


def _table(name: str) -> Callable[[Path], object]:
    return lambda path: read_parquet(_called(path, f"{name}.parquet"), "fuzzed").to_pandas()


def _fresh(path: Path, to: Path) -> None:
    """Put a file where what is read is remembered by its time: as one that was never seen."""
    to.unlink(missing_ok=True)
    shutil.copy(path, to)
    _fresh.number += 1
    os.utime(to, ns=(_fresh.number * 1_000_000_000,) * 2)


_fresh.number = 0


# Catalogue


def _models(path: Path) -> object:
    _fresh(path, files.cache() / "models.toml")
    try:
        found = [list(table.values()) for table in (MODELS, SERVERS, ENCODERS, NLI_MODELS, GGUF_WHEELS)]
        return [lineage(spec) for spec in found[0]]
    finally:
        (files.cache() / "models.toml").unlink()


def _catalogue_file(kind: type, name: str) -> Callable[[Path], object]:
    def read(path: Path) -> object:
        file = _called(path, f"{name}.toml")
        for remembered in (catalogue._read, catalogue._content):
            remembered.cache_clear()
        return catalogue._read(kind, name, file)

    return read


def _cards(path: Path) -> object:
    _fresh(path, files.cache() / "report_cards.json")
    try:
        return report_cards.default_clusterers(["minilm"])
    finally:
        (files.cache() / "report_cards.json").unlink()


def _weights(path: Path) -> object:
    _fresh(path, files.cache() / "combined.json")
    try:
        return combined.weights_of("minilm")
    finally:
        (files.cache() / "combined.json").unlink()


def _draws() -> bytes:
    coin = draw_sets.StoredDraw("coin", ("heads", "tails"), ("Flip.", "Toss."), ((0.4, 0.2), (0.5, 0.5)), (0.0, 0.0))
    found = draw_sets.DrawSet("m", "r", "float32", "plain", "", "sft", None, "2026-01-01", "CPU", (coin,))
    path = draw_sets.write_draws(found)
    return path.read_bytes()


def _read_draws(path: Path) -> object:
    (files.cache() / "draws").mkdir(exist_ok=True)
    _fresh(path, files.cache() / "draws" / "fuzzed.json")
    with suppress(FileNotFoundError):
        draw_sets.list_draws()
        stored = files.cache() / "draws" / "fuzzed.json"
        return draw_sets._read(stored, files.version_of(stored))


def _map() -> bytes:
    sources = (answer_maps.Source("one", "0" * 64), answer_maps.Source("two", "1" * 64))
    header = answer_maps.Header(sources, "own", "words", 2, 0.5, "2026-01-01")
    rows = [{"run": i, "question_id": "q", "sample_index": 0, "x": 0.5, "y": -0.5} for i in range(2)]
    return examples.table(rows, answer_maps._SCHEMA, {b"homog_map": json.dumps(asdict(header)).encode()})


def _read_map(path: Path) -> object:
    (files.cache() / "maps").mkdir(exist_ok=True)
    _fresh(path, files.cache() / "maps" / "fuzzed.parquet")
    return answer_maps.list_maps()


# Texts


def _names(path: Path) -> object:
    text = path.read_text(encoding="utf-8", errors="replace")
    return hub_name(text) or find_server(text)


def _model_text(path: Path) -> object:
    text = path.read_text(encoding="utf-8", errors="replace")
    found = [removed(text), normalise(text), words_of(text), statements([text, "5"], text[:50])]
    return found, [grade(question, text) for question in _GRADED]
