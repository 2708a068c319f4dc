"""A disk that is full in the middle of unpacking: one sentence, nothing half-written, and the next time it works.

The limit on the size of files is the system's own, so what fails is the writing itself, that of safetensors' Rust code
included. It holds for a whole process, so each try has one of its own.
"""

import subprocess
import sys
from itertools import pairwise

import pytest
from sampling.test_model_files import write_gguf

from homog_core import files
from homog_core.files import PROJECT

resource = pytest.importorskip("resource", reason="this system has no limits on files")

UNPACK = """
import resource, sys
sys.path.insert(0, "tests"), sys.path.insert(0, "tests/sampling")
from pathlib import Path
from fakes import tiny_model, tiny_tokenizer
from homog_core.errors import HomogError
from homog_core.records import ModelSpec
from homog_core.sampling import gguf, weights

gguf._model_of = lambda file: tiny_model("llama")  # all that is not the tests' own is how it is written
gguf.load_tokenizer = lambda folder, name: tiny_tokenizer()
most = int(sys.argv[2])
if most >= 0:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
try:
    found = weights.local_weights(ModelSpec("own", sys.argv[1]))
    print("unpacked", sorted(path.name for path in found.folder.iterdir()))
except HomogError as error:
    print("refused", error)
"""


@pytest.fixture
def own(tmp_path):
    """A GGUF file, and a function that unpacks it where no file can have more than some bytes; -1: where all can."""
    path = write_gguf(tmp_path / "own.gguf", general__name="Own")

    def unpack(most):
        command = [sys.executable, "-c", UNPACK, str(path), str(most)]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return unpack


def test_a_disk_that_is_full_while_a_model_is_unpacked(own, tmp_path):
    whole = own(-1)
    assert whole.startswith("unpacked") and "model.safetensors" in whole and "tokenizer.json" in whole
    (copy,) = (folder for folder in (files.cache() / "models").iterdir() if folder.is_dir())
    sizes = sorted({path.stat().st_size for path in copy.iterdir()})
    copy.rename(tmp_path / "whole")
    for most in (
        0,
        *(sum(pair) // 2 for pair in pairwise([0, *sizes])),
    ):  # each larger file is the first that fails once
        said = own(most)
        assert said.startswith("refused The weights could not be unpacked into"), said
        assert "make room and give the same command again" in said
        assert [path.name for path in (files.cache() / "models").iterdir() if path.is_dir()] == []
    assert own(-1) == whole
