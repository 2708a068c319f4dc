"""All answers of some runs on one map: which there are, what is known of each, and the joint coordinates.

A *wording* is a text that one run gave to one question, however often. Equal texts have one place, whatever the
question and the run. Nothing here draws, and no cluster comes from the coordinates.
"""

import contextlib
import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from homog_core.analysis.comparable import MOST_RUNS, obstacle
from homog_core.analysis.scored_run import ScoredRun
from homog_core.catalogue.encoders import DEFAULT_ENCODER
from homog_core.errors import HomogError, InvalidInput
from homog_core.measures.clustering import Clusterer, by_size
from homog_core.measures.encoders import Encoder, mean_vectors, windows
from homog_core.measures.projection import MIN_DISTINCT_FOR_UMAP, project
from homog_core.progress import OnProgress
from homog_core.runs.answer_maps import Header, StoredMap, positions, sampled_answers, source_of
from homog_core.runs.store import Run, require_answers

NEIGHBOURS = 15  # of a text, in UMAP and in the trustworthiness
SAMPLE = 2_000  # texts that the trustworthiness is computed on
_ENCODED_AT_ONCE = 64  # texts between two reports of progress, at each of which the work can be stopped
_SEARCHED_AT_ONCE = 1_024
_SECONDS_A_TEXT = {"minilm": 0.009, "wordllama": 0.0001}  # of reading it, measured on 15,186 short answers
_WORDING = ["question_id", "text"]


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Where texts are."""

    coordinates: np.ndarray  # (n, 2) float32, one row a text
    trustworthiness: float  # NaN with fewer than 2 × NEIGHBOURS + 1 texts


# The answers


def wordings(answers: pd.DataFrame) -> pd.DataFrame:
    """One row a question and wording: question_id, text, sample_index (the first), count; in the order of `answers`.

    `answers` are those of `runs.answer_maps.sampled_answers`.
    """
    groups = answers.groupby(_WORDING, sort=False)["sample_index"]
    return groups.agg(sample_index="min", count="size").reset_index()


def wordings_per_question(points: pd.DataFrame) -> list[float]:
    """Mean number of different wordings of a question, of each run of `points` in order.

    Over the questions that have a valid answer of the run. Higher is more diverse; 1 where every question gets one
    wording. It counts texts, not meanings: two wordings of one meaning are two.
    """
    means = points.groupby(["run", "question_id"]).size().groupby("run").mean()
    return [float(means.get(run, np.nan)) for run in range(int(points["run"].max()) + 1 if len(points) else 0)]


def map_points(runs: Sequence[ScoredRun], clusterer: Clusterer) -> pd.DataFrame:
    """One row for each wording of each question under each run: what is known of it, without a place.

    run (position), question_id, text, sample_index (the first), count, grade ("ungraded" where there is none),
    category, cluster (0 is the largest of its question and run) and n_clusters (K of its question and run). The last
    two are NaN where the question has fewer than two valid answers, or has not been clustered.
    """
    frames = [_points_of(scored, clusterer).assign(run=position) for position, scored in enumerate(runs)]
    return pd.concat(frames, ignore_index=True)


def _points_of(scored: ScoredRun, clusterer: Clusterer) -> pd.DataFrame:
    answers = sampled_answers(scored.run)
    keys = ["question_id", "sample_index"]
    frame = wordings(answers).merge(_clusters_of(scored, clusterer, answers), on=keys, how="left")
    frame = frame.merge(scored.sample_grades[[*keys, "grade"]].astype({"sample_index": "int64"}), on=keys, how="left")
    category = frame["question_id"].map(scored.questions["category"]).fillna("")
    return frame.assign(grade=frame["grade"].fillna("ungraded"), category=category)


def _clusters_of(scored: ScoredRun, clusterer: Clusterer, answers: pd.DataFrame) -> pd.DataFrame:
    """question_id, sample_index, cluster and n_clusters of the answers to the questions that are clustered."""
    valid = answers.groupby("question_id")["sample_index"].agg(list)
    rows = []
    for key, labels in zip(scored.questions.index, scored.label_matrix(clusterer), strict=True):
        own, found = valid.get(key, []), labels[labels >= 0]
        if 1 < len(own) == len(found):
            ranked = by_size(found).tolist()
            rows += [(key, i, k, max(ranked) + 1) for i, k in zip(own, ranked, strict=True)]
    frame = pd.DataFrame(rows, columns=["question_id", "sample_index", "cluster", "n_clusters"])
    return frame.astype({"question_id": str, "sample_index": "int64", "cluster": float, "n_clusters": float})


# Their places


def make_map(
    runs: Sequence[Run], encoder: Encoder, on_progress: OnProgress = lambda what, done, total: None
) -> StoredMap:
    """Place all wordings of one to four runs over the same dataset on one map; nothing is stored.

    The order of the runs makes no difference. Raises `InvalidInput` for runs that do not go together, and `HomogError`
    where there is no answer.
    """
    runs = sorted({run.id: run for run in runs}.values(), key=lambda run: run.id)
    check_runs(runs)
    for run in runs:
        require_answers(run)
    answers = [sampled_answers(run) for run in runs]
    points = pd.concat([wordings(own).assign(run=i) for i, own in enumerate(answers)], ignore_index=True)
    if points.empty:
        raise HomogError("These runs have no answers yet; sample them before they are put on a map.")
    texts = list(dict.fromkeys(points["text"]))
    placed = place(texts, encoder, on_progress)
    row = {text: i for i, text in enumerate(texts)}
    coordinates = placed.coordinates[points["text"].map(row)]
    trust = placed.trustworthiness
    header = Header(
        tuple(source_of(run, own) for run, own in zip(runs, answers, strict=True)),
        runs[0].identity.dataset,
        encoder.key,
        len(texts),
        None if np.isnan(trust) else trust,
        datetime.now(UTC).isoformat(timespec="seconds"),
    )
    places = points[["run", "question_id", "sample_index"]].assign(x=coordinates[:, 0], y=coordinates[:, 1])
    return StoredMap(header, places)


def check_runs(runs: Sequence[Run]) -> None:
    """Raises `InvalidInput` where runs cannot be on one map."""
    if not 1 <= len(runs) <= MOST_RUNS:
        raise InvalidInput(f"A map is of one to {MOST_RUNS} runs; these are {len(runs)}.")
    if len(runs) > 1 and (found := obstacle(runs)):
        one, other = (run.id for run in found.runs)
        what = "answered other questions" if found.kind == "dataset" else "has another number of answers a question"
        raise InvalidInput(f"{other} {what} than {one}; choose runs over the same questions.")


def place(texts: Sequence[str], encoder: Encoder, on_progress: OnProgress = lambda what, done, total: None) -> Placed:
    """Different texts → two coordinates each, by UMAP on the cosine distances of their sentence embeddings.

    Exact nearest neighbours (n = 15), UMAP (arXiv:1802.03426) with its usual settings, started at the first two
    principal components, with a fixed seed: the same texts in the same order give the same places on the same machine.
    Fewer than eight texts, for which UMAP has no density to estimate, are placed by classical MDS. The vector of a long
    text is the mean of those of its windows.
    Near is similar; distances between islands, and sizes of islands, say little. The trustworthiness is that of
    Venna and Kaski (2001), k = 15, on at most 2,000 texts drawn with a fixed seed: 1 where all neighbours in the map
    are neighbours in truth, about 0.5 for places drawn by chance. `on_progress` may raise to stop the work.
    """
    vectors = _encoded(texts, encoder, on_progress)
    if len(texts) < MIN_DISTINCT_FOR_UMAP:
        distances = np.clip(1 - vectors @ vectors.T, 0, None)
        np.fill_diagonal(distances, 0)
        coordinates = project(distances, "mds").coordinates
    else:
        coordinates = _umap(vectors, on_progress)
    return Placed(coordinates.astype(np.float32), _trustworthiness(vectors, coordinates))


def _encoded(texts: Sequence[str], encoder: Encoder, on_progress: OnProgress) -> np.ndarray:
    """One unit vector (n, d) a text."""
    found = []
    for start in range(0, len(texts), _ENCODED_AT_ONCE):
        on_progress("Reading the answers", start, len(texts))
        parts = [windows(text) for text in texts[start : start + _ENCODED_AT_ONCE]]
        vectors = encoder.encode([part for own in parts for part in own])
        ends = np.cumsum([len(own) for own in parts])
        found.append(mean_vectors(np.split(vectors, ends[:-1])))
    on_progress("Reading the answers", len(texts), len(texts))
    return np.concatenate(found)


def _neighbours(vectors: np.ndarray, k: int, on_progress: OnProgress) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of each vector, itself first, and their cosine distances; both (n, k)."""
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=k, metric="cosine", algorithm="brute").fit(vectors)
    distances, indices = [], []
    for start in range(0, len(vectors), _SEARCHED_AT_ONCE):
        on_progress("Looking for similar answers", start, len(vectors))
        near, which = search.kneighbors(vectors[start : start + _SEARCHED_AT_ONCE])
        distances.append(near)
        indices.append(which)
    return np.concatenate(indices), np.concatenate(distances).astype(np.float32)


def _umap(vectors: np.ndarray, on_progress: OnProgress) -> np.ndarray:
    """UMAP of unit vectors (n, d) → (n, 2)."""
    k = min(NEIGHBOURS, len(vectors) - 1)
    indices, distances = _neighbours(vectors, k, on_progress)
    on_progress("Placing the answers", 0, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that new points could not be added to the map later
        import umap

        layout = umap.UMAP(
            metric="cosine",
            n_neighbors=k,
            precomputed_knn=(indices, distances),
            init="pca",
            random_state=0,
            n_jobs=1,
            tqdm_kwds=_epochs(on_progress),
        )
        try:
            return layout.fit_transform(vectors)
        except BaseException:
            _free_bars()
            raise


def _free_bars() -> None:
    """Give back the lock of all progress bars, which tqdm keeps where a bar's file raises, as ours does to stop.

    Otherwise the next thread that makes a bar, as transformers does to load a model, would wait for ever.
    """
    from tqdm import tqdm

    with contextlib.suppress(RuntimeError, AssertionError):  # it was not taken
        tqdm.get_lock().release()


def _epochs(on_progress: OnProgress) -> dict:
    """What makes UMAP's own progress bar report to us; it is the only way to hear of its epochs, and to leave them."""
    stream = _Epochs(lambda done, total: on_progress("Placing the answers", done, total))
    return {"disable": False, "file": stream, "bar_format": "{n_fmt} {total_fmt}", "mininterval": 0.1, "miniters": 1}


@dataclass(frozen=True, slots=True)
class _Epochs:
    """A file that a progress bar writes "3 200" into."""

    report: Callable[[int, int], None]

    def write(self, text: str) -> None:
        if len(numbers := text.split()) == 2 and all(part.isdecimal() for part in numbers):
            self.report(*map(int, numbers))

    def flush(self) -> None:
        """Nothing is kept back."""


def _trustworthiness(vectors: np.ndarray, coordinates: np.ndarray) -> float:
    from sklearn.manifold import trustworthiness

    n = len(vectors)
    kept = np.sort(np.random.default_rng(0).choice(n, min(SAMPLE, n), replace=False))
    if len(kept) <= 2 * NEIGHBOURS:  # scikit-learn's own condition, as the normalisation has no meaning below it
        return np.nan
    found = trustworthiness(vectors[kept], coordinates[kept], n_neighbors=NEIGHBOURS, metric="cosine")
    return float(np.clip(found, 0, 1))


def expected_seconds(n_texts: int, encoder: str) -> float:
    """About how long a map of so many different texts takes on two processor cores, the start of UMAP included."""
    return 20 + n_texts * (_SECONDS_A_TEXT.get(encoder, _SECONDS_A_TEXT[DEFAULT_ENCODER]) + 0.001)


def with_places(points: pd.DataFrame, found: StoredMap, run_ids: Sequence[str]) -> pd.DataFrame:
    """`map_points` of these runs with x and y from a map that has them all."""
    where = positions(found.header)
    keyed = points.assign(place=points["run"].map([where[run_id] for run_id in run_ids].__getitem__))
    places = found.places.astype({"run": "int64", "sample_index": "int64"}).rename(columns={"run": "place"})
    return keyed.merge(places, on=["place", "question_id", "sample_index"], how="left").drop(columns="place")


def atlas_file(points: pd.DataFrame, names: Sequence[str], questions: pd.Series) -> bytes:
    """A Parquet file that `embedding-atlas FILE --text text --x x --y y` opens, one row a mark.

    `points` have places, `names` are those of the runs, `questions` the sentences by id.
    """
    frame = pd.DataFrame(
        {
            "text": points["text"],
            "x": points["x"],
            "y": points["y"],
            "model": [names[run] for run in points["run"]],
            "question": points["question_id"].map(questions),
            "category": points["category"],
            "cluster": (points["cluster"] + 1).astype("Int64"),  # as the pages count them, from 1
            "grade": points["grade"],
            "count": points["count"],
        }
    )
    stream = io.BytesIO()
    frame.to_parquet(stream, index=False, compression="zstd")
    return stream.getvalue()
