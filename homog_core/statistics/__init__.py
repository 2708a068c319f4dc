"""Statistics of a run, with their intervals (docs/methods.md §"Statistics of a run").

Each takes one value per question; a question with NaN in any of the columns is left out. Uncertainties are higher where
the model is less certain, and two that are within 1e-9 of each other tie: the same partition summed in another order is
no signal. Infinite ones rank at the ends. Randomness, where there is any, is an argument.
"""

from homog_core.measures.diversity import Degeneration, degeneration, looping
from homog_core.statistics.budget import entropy_at_budget, scr_at_budget
from homog_core.statistics.calibration import (
    Reliability,
    brier_score,
    expected_calibration_error,
    platt_probabilities,
    reliability,
)
from homog_core.statistics.dependence import Correlation, correlation
from homog_core.statistics.discrimination import (
    AurocDifference,
    auroc,
    auroc_bootstrap,
    auroc_estimate,
    cohens_d,
    cohens_d_estimate,
    delong_test,
    is_constant,
)
from homog_core.statistics.intervals import mean_estimate, single_cluster_rate, wilson_bounds, wilson_interval
from homog_core.statistics.paired import (
    PairedTest,
    holm,
    mcnemar_exact,
    paired_bootstrap_difference,
    paired_rate_difference,
    wilcoxon_signed_rank,
)
from homog_core.statistics.selective import (
    RiskCoverage,
    SelectiveEstimates,
    aurc,
    prediction_rejection_ratio,
    risk_coverage,
    selective_accuracy,
    selective_estimates,
)

__all__ = [
    "AurocDifference",
    "Correlation",
    "Degeneration",
    "PairedTest",
    "Reliability",
    "RiskCoverage",
    "SelectiveEstimates",
    "aurc",
    "auroc",
    "auroc_bootstrap",
    "auroc_estimate",
    "brier_score",
    "cohens_d",
    "cohens_d_estimate",
    "correlation",
    "degeneration",
    "delong_test",
    "entropy_at_budget",
    "expected_calibration_error",
    "holm",
    "is_constant",
    "looping",
    "mcnemar_exact",
    "mean_estimate",
    "paired_bootstrap_difference",
    "paired_rate_difference",
    "platt_probabilities",
    "prediction_rejection_ratio",
    "reliability",
    "risk_coverage",
    "scr_at_budget",
    "selective_accuracy",
    "selective_estimates",
    "single_cluster_rate",
    "wilcoxon_signed_rank",
    "wilson_bounds",
    "wilson_interval",
]
