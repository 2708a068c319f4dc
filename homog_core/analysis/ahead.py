"""What pages ask of whole runs, computed before anybody asks: when a run is scored, and after a new version."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from homog_core.analysis.advice import advice
from homog_core.analysis.bounds import robust
from homog_core.analysis.cascade import saving_estimate
from homog_core.analysis.right_answers import right_wordings_differ
from homog_core.analysis.sampler_check import sampler_check
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.story import find_pair
from homog_core.analysis.texts import run_texts
from homog_core.errors import HomogError
from homog_core.progress import OnProgress
from homog_core.runs.answer_maps import kept_source
from homog_core.runs.store import Run


def prepare(runs: Sequence[Run], on_progress: OnProgress = lambda what, done, total: None) -> int:
    """Compute what is kept of each run (`runs.derived`), one after the other, and say of how many.

    Runs of one question, and those that are not complete, are passed over. So are damaged ones: whoever looks at one is
    told. What is there already takes no time.
    """
    several = [run for run in runs if run.identity.n_questions > 1 and run.provenance.status == "complete"]
    n_prepared = 0
    for done, run in enumerate(several):
        on_progress(run.id, done, len(several))
        try:
            for _ in _each_value(run):
                pass
            n_prepared += 1
        except HomogError:
            continue
    if pair := find_pair(several):
        with suppress(HomogError):
            advice(ScoredRun(pair.aligned))
    on_progress("", len(several), len(several))
    return n_prepared


def _each_value(run: Run) -> Iterator[object]:
    """Every value of a run that is kept on the disk."""
    yield run_texts(run)
    yield sampler_check(run)
    yield kept_source(run)
    scored = ScoredRun(run)
    yield scored.n_wordings
    yield from map(scored.valid, scored.questions.index[:1])
    if not scored.is_scored:
        return
    yield scored.mean_logprobs
    yield scored.samples_correct
    yield right_wordings_differ(scored)
    yield robust(scored)
    for clusterer in scored.clusterers():
        yield scored.least_similarity(clusterer)
        if clusterer.has_trees:
            yield scored.trees(clusterer)
    yield from (saving_estimate(scored, clusterer) for clusterer in scored.clusterers()[:1])  # as a page opens
