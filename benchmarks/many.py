"""Many models on the same questions: their rates, the agreement with partitions that came with them, what they share.

python -m benchmarks.many [--clusterer jaccard] [--questions 100] [FILE …]

Sampled by others, counted by us: the files of `$HOMOG_DATA/public/novelty-bench`, aligned models on 100 open prompts
with ten answers each, and the partitions by that benchmark's own classifier. Clusterers: `jaccard`, and those of an
encoder by its key, as `combined/wordllama`; may be repeated. Prints Markdown tables. The encoder `minilm` takes some
minutes a model on one core.
"""

import argparse
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.reading.public import Cluster, by_clusterer, partition_row
from homog_core.catalogue.encoders import ENCODERS
from homog_core.errors import HomogError, InvalidInput, NotFound
from homog_core.files import dataset_folders
from homog_core.measures.encoders import SentenceEncoder
from homog_core.measures.report_cards import default_clusterers
from homog_core.reports.tables import Table, markdown
from homog_core.runs.public_answers import Answers, public_answers
from homog_core.statistics.between_models import BetweenModels, between_models, same_answer
from homog_core.wording.numbers import percent, with_interval

SET = "novelty-bench"
USUAL = ("jaccard", "combined/wordllama")
FAMILIES = ("gemma-2", "gemma-3", "Llama-3", "gpt-4o")


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="*", help="without its ending; default: all that are there")
    parser.add_argument("--clusterer", action="append", help=f"default: {' and '.join(USUAL)}")
    parser.add_argument("--questions", type=int, help="the first so many of those that all models have")
    options = parser.parse_args()
    try:
        print(markdown(list(_tables(_read(options.file or _files(), options.questions), options.clusterer or USUAL))))
    except HomogError as error:
        parser.error(str(error))


def _read(files: Sequence[str], n_questions: int | None) -> dict[str, list[Answers]]:
    """The answers of each file to the questions that all have, the first so many by their ids."""
    models = {file: public_answers(f"{SET}/{file}") for file in files}
    shared = set.intersection(*({answers.question.id for answers in found} for found in models.values()))
    kept = set(sorted(shared)[:n_questions])
    return {file: [answers for answers in found if answers.question.id in kept] for file, found in models.items()}


class _Remembering:
    """An encoder that reads each text once."""

    def __init__(self, name: str) -> None:
        self._encoder, self._known = SentenceEncoder(name), {}
        self.key = self._encoder.key

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known |= zip(new, self._encoder.encode(new), strict=True)
        return np.stack([self._known[text] for text in texts])


def _tables(models: dict[str, list[Answers]], keys: Sequence[str]) -> Iterator[Table]:
    ways = {key: _way(key) for key in keys}
    told = f"Sampled by others, counted by us: {SET}, {len(next(iter(models.values())))} prompts, 10 answers."
    rows = []
    for name, found in models.items():
        truth = [np.array(answers.partition) for answers in found]
        rows.append(partition_row(_short(name), "the partition itself", truth, truth))
        for key, cluster in ways.items():
            labels = [cluster(answers.question.text, answers.samples) for answers in found]
            rows.append(partition_row(_short(name), key, truth, labels))
    yield Table(
        "Rates of many models, and agreement with the partitions that came with them",
        f"{told} Pairs of answers to one prompt that are in one cluster; adjusted Rand index, mean over prompts; SCR "
        "with 95 % Wilson interval.",
        rows,
    )
    for key, cluster in ways.items():
        found = _between(models, cluster)
        yield Table(
            f"What models share, by {key}",
            f"{told} The answers of all models to a prompt are clustered together. 95 % bootstrap over prompts.",
            list(_between_rows(found)),
        )
        yield Table(
            f"Chance of the same answer, by {key}, in per cent",
            "On the diagonal two answers of one model. Below the diagonal the overlap, in per cent of its ceiling.",
            _matrix(found, [_short(name) for name in models]),
        )


def _between(models: dict[str, list[Answers]], cluster: Cluster) -> BetweenModels:
    """The models' answers to each question, clustered together."""
    by_question: dict[str, dict[int, Answers]] = {}
    for place, found in enumerate(models.values()):
        for answers in found:
            by_question.setdefault(answers.question.id, {})[place] = answers
    tables = []
    for found in by_question.values():
        samples = [(place, text) for place, answers in found.items() for text in answers.samples]
        labels = cluster(next(iter(found.values())).question.text, [text for _, text in samples])
        tables.append(same_answer(labels, np.array([place for place, _ in samples]), len(models)))
    return between_models(np.stack(tables), [_family(name) for name in models])


def _between_rows(found: BetweenModels) -> Iterator[dict[str, str]]:
    named = {
        "two answers of one model are the same": found.within,
        "answers of two models are the same": found.between,
        "overlap of two models": found.shared,
        "overlap within families": found.within_families,
        "overlap between families": found.between_families,
        "difference": found.families_differ,
    }
    for name, estimate in named.items():
        yield {"": name, "value": with_interval(estimate, percent)}


def _matrix(found: BetweenModels, names: Sequence[str]) -> list[dict[str, str]]:
    whole = np.where(np.tri(len(names), k=-1, dtype=bool), found.overlap.value, found.same.value)
    return [
        {"": f"{i + 1} {name}", **{str(j + 1): "—" if np.isnan(v) else f"{100 * v:.0f}" for j, v in enumerate(row)}}
        for i, (name, row) in enumerate(zip(names, whole, strict=True))
    ]


def _way(key: str) -> Cluster:
    known = {clusterer.key: clusterer for clusterer in default_clusterers(list(ENCODERS))}
    if key not in known:
        raise InvalidInput(f"There is no clusterer {key!r}; there are {', '.join(known)}.")
    clusterer = known[key]
    return by_clusterer(clusterer, _Remembering(clusterer.encoder) if clusterer.encoder else None)


def _files() -> list[str]:
    for folder in dataset_folders():
        if found := sorted(path.stem for path in (folder / "public" / SET).glob("*.jsonl")):
            return found
    raise NotFound(
        f"public/{SET} is on none of {', '.join(map(str, dataset_folders()))}; name its folder in HOMOG_DATA."
    )


def _short(name: str) -> str:
    return name.removesuffix(".partitions")


def _family(name: str) -> str:
    return next((family for family in FAMILIES if name.startswith(family)), name)


if __name__ == "__main__":
    main()
