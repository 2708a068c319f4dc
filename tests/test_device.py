"""Where a model goes."""

import pytest
import torch

from homog_core.device import choose_placement


@pytest.mark.parametrize(
    ("free", "placement"),
    [([], "cpu"), ([10**9, 4 * 10**9, 3 * 10**9], "cuda:1"), ([10**9, 2 * 10**9], "auto")],
)
def test_placement(monkeypatch, free, placement):
    # a billion parameters in bf16 and a fifth more: 2.4 GB
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(free))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(free))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda i: (free[i], 80 * 10**9))
    assert choose_placement(10**9) == placement
