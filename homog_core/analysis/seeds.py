"""How much of what a stage does is its training seed: the same stage trained several times, and differences in a seed.

The seed is the unit of replication: an interval here is over seeds, one of a single run is over its questions.
"""

from collections.abc import Sequence

import pandas as pd

from homog_core.analysis.compare import common_questions, run_statistics
from homog_core.analysis.scored_run import ScoredRun
from homog_core.catalogue.recipes import RECIPES, recipe_of, without_seed
from homog_core.measures.clustering import Clusterer
from homog_core.records import Estimate
from homog_core.runs.store import Run
from homog_core.statistics.intervals import mean_estimate

STATISTICS = (  # of `run_statistics`
    "single_cluster_rate",
    "num_semantic_sets",
    "wordings",
    "mean_token_entropy",
    "accuracy",
    "accuracy_of_samples",
    "echo",
    "yes_no",
)


def is_replicate(run: Run) -> bool:
    """Whether a run is of another training seed than the one in the box."""
    return without_seed(run.identity.model)[1] != 0


def seed_statistics(runs: Sequence[ScoredRun], clusterer: Clusterer) -> pd.DataFrame:
    """`STATISTICS` of every run of a model with several seeds, over the questions that all have; by (model, seed).

    The models stand in the order of `RECIPES`. `runs` are alike in everything but the model.
    """
    by_model: dict[str, dict[int, ScoredRun]] = {}
    for scored in runs:
        model, seed = without_seed(scored.run.identity.model)
        by_model.setdefault(model, {})[seed] = scored
    replicated = {model: own for model, own in by_model.items() if len(own) > 1}
    ids = common_questions([scored for own in replicated.values() for scored in own.values()]) if replicated else []
    rows = {}
    for model in sorted(replicated, key=_order):
        for seed, scored in sorted(replicated[model].items()):
            found = run_statistics(scored, clusterer, ids)
            rows[model, seed] = {name: found[name].value for name in STATISTICS}
    index = pd.MultiIndex.from_tuples(list(rows), names=["model", "seed"]) if rows else None
    return pd.DataFrame(list(rows.values()), index=index, columns=list(STATISTICS))


def over_seeds(found: pd.DataFrame, model: str, statistic: str) -> Estimate:
    """Mean of a statistic over the seeds of a model, with the t interval between seeds."""
    return mean_estimate(found.loc[model, statistic])


def comparisons(found: pd.DataFrame) -> list[tuple[str, str]]:
    """The pairs of models that the recipes relate: SFT and what continues it, a control and its stage."""
    stages = {_stage(model): model for model in found.index.unique("model")}
    related = [(r.parent, r.stage) for r in RECIPES.values()] + [(r.stage, r.matches) for r in RECIPES.values()]
    return [(stages[one], stages[other]) for one, other in related if one in stages and other in stages]


def difference(found: pd.DataFrame, one: str, other: str, statistic: str) -> Estimate:
    """Mean over the common seeds of `other` minus `one`, with the t interval between seeds."""
    paired = found.loc[other, statistic] - found.loc[one, statistic]
    return mean_estimate(paired.dropna())


def _stage(model: str) -> str:
    """The stage that a model was trained for here; "" for one from elsewhere."""
    recipe = recipe_of(model)
    return recipe.stage if recipe else ""


def _order(model: str) -> tuple[int, str]:
    stage = _stage(model)
    return (list(RECIPES).index(stage) if stage else len(RECIPES), model)
