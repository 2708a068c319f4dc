"""Whether a figure draws anything: one of values that are all missing is axes around nothing."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

_VALUES = ("y", "x", "z", "values", "labels", "ids")  # of a trace, whatever its type


def draws_something(figure: go.Figure) -> bool:
    """Whether any trace has a point with all its coordinates."""
    return any(map(_has_points, figure.data))


def _has_points(trace: Any) -> bool:
    found = [values for name in _VALUES if (values := getattr(trace, name, None)) is not None and name in trace]
    shown = [pd.notna(v if isinstance(v, np.ndarray) else np.asarray(v, dtype=object)) for v in found]
    if not shown:
        return False
    if len({known.shape for known in shown}) > 1:  # the axes of a matrix and its cells
        return all(known.any() for known in shown)
    return bool(np.logical_and.reduce(shown).any())
