"""Quality beside diversity, by hand over three questions of four samples, and by simulation."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scored_runs import EXACT, sampled, scored

from homog_core.analysis import quality, seeds
from homog_core.catalogue.recipes import adapter_name
from homog_core.records import Question

pytestmark = pytest.mark.usefixtures("no_shipped_runs")

QUESTIONS = [Question(f"q{i}", "test", f"What is q{i}?", ("red fox",), category="ab"[i > 0]) for i in range(3)]
WRONG = ("grey seal", "blue whale", "green frog", "pink newt")
BASE = {"q0": ("red fox", "the red fox!", *WRONG[:2]), "q1": (*WRONG[:3], "red fox"), "q2": WRONG}  # 2, 1, 0 right
DPO = {"q0": ("red fox",), "q1": ("grey seal",), "q2": (*WRONG[:3], "red fox")}  # 4, 0, 1 right


@pytest.fixture
def runs():
    made = {"base": BASE, "dpo": DPO}
    return {k: scored(k, own, QUESTIONS, stage=k, n_samples=4) for k, own in made.items()}


def test_correct_and_different_answers_by_hand(runs):
    rows = quality.quality_rows(runs, EXACT).set_index("label")
    assert rows["answers_value"].to_list() == pytest.approx([4, (1 + 1 + 4) / 3])
    assert rows["accuracy_value"].to_list() == pytest.approx([(2 / 4 + 1 / 4 + 0) / 3, (1 + 0 + 1 / 4) / 3])
    assert rows["answers_n"].to_list() == [3, 3]


def test_correct_answers_differ_only_where_every_run_has_two(runs):
    # Only q0. The base's two are one wording, since articles and marks do not count, and two texts to this clusterer.
    rows = quality.quality_rows(runs, EXACT).set_index("label")
    assert rows["wordings_value"].to_list() == [0, 0]
    assert rows["meanings_value"].to_list() == [1, 0]
    assert rows["meanings_n"].to_list() == [1, 1]
    assert rows["meanings_low"]["base"] < 1 == rows["meanings_high"]["base"]  # one question promises nothing
    assert quality.quality_rows(runs, EXACT, "b")["wordings_value"].isna().all()


def test_what_became_of_the_right_answers_by_hand(runs):
    # h = 2 of N = 4. Chance of a right one among two: 1 − C(4 − c, 2)/6, for c = 0, 1, 2, 4 right ones 0, 1/2, 5/6, 1.
    # So w = 5/6, 1/2, 0. Right in two and in the other two: 2w − 1 where c > 0, that is 2/3, 0, 0.
    rows = quality.fate_rows(runs, "base").set_index("label")
    assert rows["h"].to_list() == [2, 2]
    assert rows["kept_value"].to_list() == pytest.approx([(2 / 3) / (4 / 3), (5 / 6) / (4 / 3)])
    # Gained, weighted by 1 − w = 1/6, 1/2, 1: base (1/6 + 1/2)/(5/3); dpo, right with 1, 0, 1/2: (1/6 + 1/2)/(5/3).
    assert rows["gained_value"].to_list() == pytest.approx([0.4, 0.4])
    assert rows["greedy_value"].to_list() == pytest.approx([(5 / 6) / (4 / 3)] * 2)  # both are right on q0 alone
    assert rows["more_value"].to_list() == pytest.approx([0, 1 / 8])


def run_of_counts(right, n_samples, greedy):
    """What `fate_rows` reads of a run: how many samples of each question are right."""
    ids = pd.Index([f"q{i}" for i in range(len(right))], name="id")
    return SimpleNamespace(
        questions=pd.DataFrame({"id": ids}, index=ids),
        in_category=lambda _: np.full(len(ids), True),
        n_samples=n_samples,
        n_right=np.asarray(right, dtype=np.float64),
        column={"grade": pd.Series(np.where(greedy, "correct", "incorrect"), ids)}.get,
    )


def test_a_model_that_has_not_changed_keeps_what_the_base_asked_again_keeps():
    # Two draws of the same model. Without the base's own row the second would seem to lose what was luck in the first.
    rng = np.random.default_rng(0)
    p = rng.beta(0.3, 1.0, 4000)
    first, second = rng.binomial(10, p), rng.binomial(10, p)
    runs = {"base": run_of_counts(first, 10, p > 0.5), "again": run_of_counts(second, 10, p > 0.5)}
    rows = quality.fate_rows(runs, "base").set_index("label")
    # The truth: of what five samples get right, five others get right Σ q²/Σ q, q = 1 − (1 − p)⁵.
    q = 1 - (1 - p) ** 5
    for label in runs:
        assert rows.loc[label, "kept_value"] == pytest.approx(np.sum(q**2) / np.sum(q), abs=0.015)
        assert rows.loc[label, "gained_value"] == pytest.approx(np.sum(q * (1 - q)) / np.sum(1 - q), abs=0.015)
    assert rows.loc["again", "more_low"] < 0 < rows.loc["again", "more_high"]


def test_a_base_that_is_never_right_has_nothing_to_keep():
    runs = {"base": run_of_counts([0, 0, 0], 4, [False] * 3), "dpo": run_of_counts([4, 0, 0], 4, [True, False, False])}
    rows = quality.fate_rows(runs, "base").set_index("label")
    assert rows["kept_value"].isna().all()
    assert rows["gained_value"].to_list() == pytest.approx([0, 1 / 3])


def test_answers_that_nobody_graded_count_nowhere():
    questions = [Question(f"q{i}", "test", f"What is q{i}?") for i in range(3)]
    runs = {k: scored(k, own, questions, stage=k, n_samples=4) for k, own in {"base": BASE, "dpo": DPO}.items()}
    assert quality.fate_rows(runs, "base")["kept_n"].to_list() == [0, 0]
    assert quality.quality_rows(runs, EXACT)["accuracy_value"].isna().all()


def test_steps_of_training_skip_what_is_not_there():
    base, dpo, control = (sampled(f"gemma-3-270m{end}") for end in ("", "-dpo", "-sft-continued"))
    assert quality.training_steps([base, dpo, control]) == [(base.id, dpo.id), (base.id, control.id)]
    sft = sampled("gemma-3-270m-sft")
    assert quality.training_steps([dpo, sft, base]) == [(sft.id, dpo.id), (base.id, sft.id)]
    assert quality.training_steps([base, sampled("gemma-3-270m-sft", temperature=0.5)]) == []


ONE, TWO, THREE = ("a fox",), ("a fox", "a fox", "a seal"), ("a fox", "a seal", "a whale")


def seed_run(stage, seed, *answers, **decoding):
    own = dict(zip(("q0", "q1", "q2"), answers, strict=True))
    return scored(adapter_name("m", stage, seed), own, stage="dpo", **decoding)


def test_seeds_are_the_runs_of_one_condition_and_their_base():
    base, cold = scored("m"), seed_run("dpo", 1, ONE, ONE, ONE, temperature=0.5)
    seeded = [seed_run("dpo", seed, ONE, ONE, TWO).run for seed in (0, 1)]
    other = seed_run("sft", 0, TWO, TWO, TWO).run
    assert quality.same_but_for_seeds(base.run, [base.run, *seeded, other, cold.run]) == [base.run, *seeded]
    assert quality.same_but_for_seeds(base.run, [base.run, other]) == []


def test_the_figures_of_seeds_are_those_of_the_tables():
    # The same numbers as `seed_statistics`, which reads the answers too.
    runs = [seed_run("dpo", 0, ONE, ONE, TWO), seed_run("dpo", 1, ONE, TWO, THREE)]
    found = quality.seed_frame(runs, EXACT)
    assert found["num_semantic_sets"].to_list() == pytest.approx([4 / 3, 2])
    pd.testing.assert_frame_equal(found, seeds.seed_statistics(runs, EXACT)[list(quality.SEED_STATISTICS)])
    assert quality.seed_frame([scored("m"), *runs], EXACT).index[0] == ("m", 0)
