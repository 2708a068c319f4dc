"""The analysis and the map of every question of a run, one at a time; what is done survives a kill (`kept`)."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from homog_core.cores import n_cores, one_thread, over_processes, start
from homog_core.errors import HomogError
from homog_core.measures.clustering import Clusterer, square
from homog_core.measures.combined import Weights, weights_of
from homog_core.measures.projection import project
from homog_core.measures.scores import Analysis, Vectors, analyse
from homog_core.measures.uncertainty import lexical_dissimilarity
from homog_core.progress import OnProgress, Spread
from homog_core.records import ResponseSet
from homog_core.runs import kept
from homog_core.runs.evidence import stored_groups, stored_probabilities, stored_vectors
from homog_core.runs.manifest import read_manifest
from homog_core.runs.store import Run
from homog_core.runs.tables import response_set

Frames = Mapping[str, pd.DataFrame]  # by key of the encoder, NLI model or judge
MAP_COLUMNS = ["question_id", "sample_index", "clusterer", "method", "x", "y", "faithfulness"]
PAYS_BACK = 2_500  # answers for each process, about, that are worth the seconds in which it starts
SETTINGS = ["threshold", "rule", "entailment"]
_ANALYSES = pa.schema(
    [
        ("question_id", pa.string()),
        ("clusterer", pa.string()),
        ("similarity", pa.list_(pa.float32())),
        ("sample_index", pa.list_(pa.int64())),
        ("label", pa.list_(pa.int64())),
        ("scores", pa.string()),  # of the question, as JSON, in the row of its first clusterer
    ]
)
_MAPS = pa.schema(
    [
        *((name, pa.string()) for name in ("question_id", "clusterer", "method")),
        ("sample_index", pa.int64()),
        *((name, pa.float64()) for name in ("x", "y", "faithfulness")),
    ]
)


class Evidence(NamedTuple):
    """What models said of a run's answers."""

    vectors: Frames
    entailed: Frames
    groups: Frames


class Analyses:
    """A row for each question and clusterer, in the order of the run's questions."""

    def __init__(self, table: pa.Table, clusterers: Sequence[Clusterer]) -> None:
        self._table, self._clusterers = table, {clusterer.key: clusterer for clusterer in clusterers}

    @property
    def similarities(self) -> pa.Table:
        """The table of similarities, as it is stored."""
        return self._table.select(["question_id", "clusterer", "similarity"])

    @property
    def clusters(self) -> pd.DataFrame:
        """The table of clusters, as it is stored."""
        table = self._table.select(["question_id", "clusterer", "sample_index", "label"])
        rows = pc.list_parent_indices(table["label"].combine_chunks()) if table.num_rows else pa.array([], pa.int64())
        found = table.select(["question_id", "clusterer"]).take(rows).to_pandas()
        for name in ("sample_index", "label"):
            found[name] = pc.list_flatten(table[name]).to_numpy()
        for name in SETTINGS:
            of_key = {key: clusterer.settings[name] for key, clusterer in self._clusterers.items()}
            found[name] = found["clusterer"].map(of_key)
        return found[["question_id", "sample_index", "clusterer", *SETTINGS, "label"]]

    @property
    def scores(self) -> list[dict[str, Any]]:
        """The scores of every question."""
        return [json.loads(text) for text in self._table["scores"].to_pylist() if text]

    def of_clusterer(self, key: str) -> Iterator[tuple[str, list[int], np.ndarray]]:
        """Of every question its id, the sample indices of the valid answers, and their similarity (n, n)."""
        own = self._table.filter(pc.equal(self._table["clusterer"], key))
        for i, question_id in enumerate(own["question_id"].to_pylist()):
            members = own["sample_index"][i].as_py()
            yield question_id, members, square(own["similarity"][i].values.to_numpy(), len(members))


class _Asked(NamedTuple):
    """One question with all that its analysis is computed from."""

    text: str
    answers: ResponseSet
    evidence: dict[str, Vectors]


class _Drawn(NamedTuple):
    """The valid answers to one question, by their similarities."""

    question_id: str
    members: list[int]  # (n,) sample indices
    similarity: np.ndarray  # (n, n)


def on_all_cores(n_answers: int) -> Spread:
    """What hands out questions to all cores, for which processes start now; `map` where they would not pay back."""
    n = min(n_cores(), n_answers // PAYS_BACK)
    if n < 2:
        return map
    start(n, partial(lexical_dissimilarity, ["so that what", "it needs is imported"]))
    return partial(over_processes, n)


def analysed(
    run: Run, evidence: Evidence, clusterers: Sequence[Clusterer], on_progress: OnProgress, spread: Spread = map
) -> Analyses:
    """The analyses of every sampled question of a run. `spread` hands them out."""
    step = kept.Kept(run.id, "analyses", _made_from(run, evidence, clusterers))
    rows_of: dict[str, list[Any]] = {}
    for row in run.responses().itertuples():
        rows_of.setdefault(row.question_id, []).append(row)
    vectors, entailed, groups = ({key: _by_question(frame) for key, frame in kind.items()} for kind in evidence)
    questions = {row.id: row for row in run.questions().itertuples() if row.id in rows_of}

    def asked(key: str) -> _Asked:
        question = questions[key]
        answers = response_set(rows_of[key], question.prompt, run.identity.model, run.decoding, run.leftovers)
        found = {name: stored_vectors(rows.get(key)) for name, rows in vectors.items()}
        found |= {name: stored_probabilities(rows.get(key), answers) for name, rows in entailed.items()}
        found |= {name: stored_groups(rows.get(key), answers) for name, rows in groups.items()}
        return _Asked(question.text, answers, found)

    of = partial(_analysis, clusterers=tuple(clusterers), weights=_weights(clusterers))
    report = partial(on_progress, "Scoring")
    return Analyses(_done(step, _ANALYSES, list(questions), asked, of, report, spread), clusterers)


def _by_question(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each question. Texts are objects, which take less time where rows are read one by one."""
    texts = dict.fromkeys(frame.select_dtypes("str").columns, object)
    return dict(tuple(frame.astype(texts).groupby("question_id", sort=False)))


def _analysis(
    asked: _Asked, clusterers: Sequence[Clusterer], weights: Sequence[Weights | None]
) -> list[dict[str, Any]]:
    """The analysis of one question as rows of `_ANALYSES`, by these weights of the clusterer `combined`."""
    if _weights(clusterers) != weights:
        raise HomogError(
            "The weights of the clusterer combined are others here than where the run is stored; give all machines "
            "the same combined.json in HOMOG_CACHE."
        )
    with one_thread():
        return _rows(analyse(*asked, clusterers))


def drawn(
    run: Run,
    analyses: Analyses,
    evidence: Evidence,
    clusterers: Sequence[Clusterer],
    on_progress: OnProgress,
    spread: Spread = map,
) -> pd.DataFrame:
    """Coordinates of every question's answers under the clusterer that the pages open with; others are drawn there."""
    step, clusterer = kept.Kept(run.id, "maps", _made_from(run, evidence, clusterers)), clusterers[0].key
    todo = {own[0]: _Drawn(*own) for own in analyses.of_clusterer(clusterer)}
    of, report = partial(_map, clusterer=clusterer), partial(on_progress, "Drawing maps")
    return _done(step, _MAPS, list(todo), todo.__getitem__, of, report, spread).to_pandas()[MAP_COLUMNS]


def _map(own: _Drawn, clusterer: str) -> list[dict[str, Any]]:
    """The map of one question as rows of `_MAPS`."""
    found = project(np.clip(1.0 - own.similarity, 0.0, None), "umap")
    common = {"question_id": own.question_id, "clusterer": clusterer, "method": found.method}
    return [
        {**common, "sample_index": i, "x": float(x), "y": float(y), "faithfulness": found.faithfulness}
        for i, (x, y) in zip(own.members, found.coordinates, strict=True)
    ]


def _done(
    step: kept.Kept,
    schema: pa.Schema,
    keys: Sequence[str],
    item: Callable[[str], Any],
    of: Callable[[Any], Iterable[dict[str, Any]]],
    report: Callable[[int, int], None],
    spread: Spread,
) -> pa.Table:
    """The rows of all questions in the order of their `keys`; `of` makes them from the `item` of a question.

    Those that were kept are not computed again.
    """
    before = step.table()
    have = set() if before is None else set(before["question_id"].to_pylist())
    rows: list[dict[str, Any]] = []
    last, n_done = time.monotonic(), len(have)
    for own in spread(of, (item(key) for key in keys if key not in have)):
        rows += own
        n_done += 1
        if time.monotonic() - last >= kept.KEEP_SECONDS:
            step.add(pa.Table.from_pylist(rows, schema))
            rows, last = [], time.monotonic()
        report(n_done, len(keys))
    last_part = pa.Table.from_pylist(rows, schema)
    before = step.table()
    return _in_order(last_part if before is None else pa.concat_tables([before, last_part]), keys)


def _in_order(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """The rows in the order of their questions, which workers do not keep; those of a question follow each other.

    Pieces of the table are put in another order, since `take` would copy all similarities.
    """
    place = {key: i for i, key in enumerate(keys)}
    places = np.array([place[key] for key in table["question_id"].to_pylist()], dtype=np.int64)
    if (np.diff(places) >= 0).all():
        return table
    edges = [0, *(np.flatnonzero(np.diff(places)) + 1).tolist(), len(places)]
    pieces = sorted(pairwise(edges), key=lambda piece: places[piece[0]])
    return pa.concat_tables(table.slice(start, end - start) for start, end in pieces)


def _rows(analysis: Analysis) -> list[dict[str, Any]]:
    """The analysis of one question as rows of `_ANALYSES`."""
    members: dict[str, list[dict[str, Any]]] = {row["clusterer"]: [] for row in analysis.similarities}
    for row in analysis.clusters:
        members[row["clusterer"]].append(row)
    rows = [
        {**row, **{name: [one[name] for one in members[row["clusterer"]]] for name in ("sample_index", "label")}}
        for row in analysis.similarities
    ]
    rows[0]["scores"] = json.dumps(analysis.scores)
    return rows


def _made_from(run: Run, evidence: Evidence, clusterers: Sequence[Clusterer]) -> Any:
    """Everything that an analysis depends on, as JSON takes it."""
    entries = read_manifest(run.folder).files or {}
    read = ("responses-", "embeddings-", "nli-")
    return [
        {name: entry.sha256 for name, entry in entries.items() if name.startswith(read)},
        [sorted(kind) for kind in evidence],
        run.answers_sha256(),
        asdict(run.leftovers),
        [[row.id, row.text] for row in run.questions().itertuples()],
        [frame.to_json() for _, frame in sorted(evidence.groups.items())],
        [asdict(clusterer) for clusterer in clusterers],
        [asdict(one) if one else None for one in _weights(clusterers)],
    ]


def _weights(clusterers: Sequence[Clusterer]) -> list[Weights | None]:
    """Those of the clusterer `combined` for the encoder of each."""
    return [weights_of(one.encoder or "") if one.method == "combined" else None for one in clusterers]
