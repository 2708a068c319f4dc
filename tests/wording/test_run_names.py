"""What runs are called."""

import pytest
from scored_runs import THREE_QUESTIONS, sampled

from homog_core.wording.run_names import names

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


def test_runs_are_named_by_what_tells_them_apart():
    a, cold, few = sampled("a"), sampled("a", temperature=0.3), sampled("a", style="few_shot")
    assert list(names([a, sampled("b")]).values()) == ["a (base)", "b (base)"]
    assert list(names([a, cold, few]).values()) == ["a (base)", "a (base), T = 0.3", "a (base), few-shot prompt"]
    assert list(names([cold], but=["temperature"]).values()) == ["a (base)"]
    other = sampled("a", seed=1)
    assert list(names([a, other]).values()) == ["a (base), seed 0", "a (base), seed 1"]


def test_runs_that_look_alike_get_different_names():
    runs = [sampled("a"), sampled("a", questions=THREE_QUESTIONS[:2])]
    assert list(names(runs).values()) == [f"a (base), {run.id[-10:]}" for run in runs]
