"""A system that lets no process run what it has put together, as systemd's MemoryDenyWriteExecute: the same answers.

The system's own rule holds for a whole process and cannot be taken back, so the answers are given in one of their own.
"""

import json
import subprocess
import sys

import pytest

from homog_core.files import PROJECT

ANSWER = """
import ctypes, json, sys
sys.path.insert(0, "tests")
if sys.argv[1] == "hardened" and ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):  # PR_SET_MDWE, of Linux 6.3
    sys.exit("this system has no such rule")
from fakes import FAKE_SPEC, make_question, tiny_model, tiny_tokenizer
from homog_core.records import Decoding
from homog_core.sampling import few_rows
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.instructions import can_run

few_rows._SMALLEST = 1
sampler = TorchSampler(tiny_model("llama"), tiny_tokenizer(), FAKE_SPEC)
steps = sampler.sample([make_question("q")], Decoding(n_samples=3, max_new_tokens=8), "plain")
(found,) = [done for step in steps for done in step.finished]
texts = [response.text for response in (*found.responses, found.greedy)]
is_ours = any("forward" in module.__dict__ for module in sampler.model.modules())
print(json.dumps({"can_run": can_run(), "is_ours": is_ours, "texts": texts}))
"""


def answered(kind):
    command = [sys.executable, "-c", ANSWER, kind]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if "no such rule" in done.stderr:
        pytest.skip("this system has no such rule")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the rule is Linux's")
def test_answers_are_the_same_where_our_instructions_may_not_run():
    usual, hardened = answered("usual"), answered("hardened")
    assert (usual["can_run"], usual["is_ours"]) == (True, True)
    assert (hardened["can_run"], hardened["is_ours"]) == (False, False)
    assert hardened["texts"] == usual["texts"]
