"""What runs are called."""

import pytest
from fakes import FakeSampler
from scored_runs import THREE_QUESTIONS, sampled

from homog_core.wording.run_names import names, run_title, titles

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


def test_a_list_to_choose_from_has_the_dataset_first_and_says_what_is_unusual():
    usual, cold = sampled("a"), sampled("a", temperature=0.3)
    short, live = sampled("b", questions=THREE_QUESTIONS[:2]), sampled("c", questions=THREE_QUESTIONS[:1])
    found = titles([usual, cold, sampled("d"), short, live])
    title = found[usual.id].split(" · ")[0]
    assert found[usual.id] == f"{title} · a (base)"
    assert found[cold.id] == f"{title} · a (base), T = 0.3"
    assert found[short.id] == f"{title} · b (base) · 2 questions"
    assert found[live.id].startswith(f"{title} · c (base) · live, 20")


def test_a_run_in_int8_always_says_so(monkeypatch):
    usual = sampled("a")
    monkeypatch.setattr(FakeSampler, "dtype", "int8")
    run = sampled("a", temperature=0.3)
    assert list(names([run]).values()) == ["a (base), int8, T = 0.3"]
    assert list(names([usual, run]).values()) == ["a (base)", "a (base), int8, T = 0.3"]
    assert "int8" in run_title(run).split(" · ")
    assert "int8" not in run_title(usual)
