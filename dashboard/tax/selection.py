"""What the filters at the top of the page leave: runs, a clusterer, a category."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.cache import Version
from dashboard.tax import computed
from homog_core.analysis import lineage
from homog_core.analysis.scored_run import ScoredRun
from homog_core.figures import series
from homog_core.figures.axes import CROWDED
from homog_core.figures.series import Series
from homog_core.measures.clustering import Clusterer
from homog_core.runs.store import Run
from homog_core.wording import recipes
from homog_core.wording.numbers import counted
from homog_core.wording.studies import MARK


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """What the filters leave."""

    views: dict[str, ScoredRun]  # by label, in the order of the stages
    versions: dict[str, Version]  # by label
    dataset: str  # its title
    others: list[Run]  # the other runs of the dataset
    clusterer: Clusterer
    category: str  # "" is all
    left_out: tuple[str, ...]  # ids of runs that are being written or not scored

    @property
    def how(self) -> tuple[Clusterer, str]:
        """Clusterer and category, as the computations take them."""
        return self.clusterer, self.category

    @property
    def measured(self) -> str:
        """What is said of the figures of these runs, which never stand in one with published ones."""
        return MARK if any(view.run.provenance.study for view in self.views.values()) else "measured here"

    @property
    def sizes(self) -> dict[str, int | None]:
        """How many parameters the models have that were measured here; those of public studies are left out."""
        own = lineage.ours([view.run for view in self.views.values()])
        return {run.identity.model: run.provenance.n_parameters for run in own}

    def looks(self) -> dict[str, Series]:
        """How each run looks, by label."""
        return {
            look.key: look
            for look in series.run_series(list(self.views), lineage.roles([view.run for view in self.views.values()]))
        }

    def pair(self) -> tuple[str, str] | None:
        """The labels of a base and of the furthest stage made from it, where both are chosen."""
        by_id = {view.run.id: label for label, view in self.views.items()}
        found = lineage.base_and_aligned([view.run for view in self.views.values()])
        return (by_id[found[0].id], by_id[found[1].id]) if found else None

    @property
    def named(self) -> tuple[tuple[str, Version], ...]:
        """The runs with their labels, as computations over several take them."""
        return tuple(self.versions.items())

    def focus(self) -> str:
        """The run that titles speak of: the aligned one of a pair, otherwise the one with the most single clusters."""
        if pair := self.pair():
            return pair[1]
        rates = {label: computed.rate(run, *self.how)["value"] for label, run in self.versions.items()}
        return max(rates, key=lambda label: -1 if np.isnan(rates[label]) else rates[label])

    @property
    def bands(self) -> str:
        """What intervals of lines are drawn as, or said as."""
        return "intervals" if len(self.views) > CROWDED else "bands"

    @property
    def bands_note(self) -> str:
        """That lines have no bands, to stand behind another sentence; "" where they have."""
        return (
            " Bands are left out, since there are many runs: hover for intervals." if len(self.views) > CROWDED else ""
        )

    def recipe(
        self,
        n: int | str,
        interval: str,
        labels: Sequence[str] = (),
        *,
        clustered: bool = True,
        clusterer: Clusterer | None = None,
    ) -> str:
        """The recipe line of a chart over these runs, or some of them; `clusterer` is another than the chosen one."""
        labels = labels or list(self.views)
        runs = [self.views[label].run for label in labels]
        of = self.dataset + (f", {self.category}" if self.category else "")
        questions = n if isinstance(n, str) else counted(n, "question")
        return recipes.over_runs(
            labels, runs, (clusterer or self.clusterer) if clustered else None, f"{of} · {questions}", interval
        )
