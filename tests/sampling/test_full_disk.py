"""A disk that is full in the middle of unpacking: one sentence, nothing half-written, and the next time it works.

The limit on the size of files is the system's own, so what fails is the writing itself, that of safetensors' Rust code
included. It holds for a whole process, so the tries have one of their own.
"""

import json
import subprocess
import sys

import pytest
from sampling.test_model_files import write_gguf

from homog_core.files import PROJECT

pytest.importorskip("resource", reason="this system has no limits on files")

UNPACK = """
import json, resource, shutil, sys
sys.path.insert(0, "tests")
from itertools import pairwise
from fakes import tiny_model, tiny_tokenizer
from homog_core import files
from homog_core.errors import HomogError
from homog_core.records import ModelSpec
from homog_core.sampling import gguf, weights

model, tokenizer = tiny_model("llama"), tiny_tokenizer()  # the rest, how all is written included, is as it is
gguf._model_of, gguf.load_tokenizer = lambda file: model, lambda folder, name: tokenizer

def unpack(most):
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    try:
        return sorted(path.name for path in weights.local_weights(ModelSpec("own", sys.argv[1])).folder.iterdir())
    except HomogError as error:
        return str(error)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)

def folders():
    return [path for path in (files.cache() / "models").iterdir() if path.is_dir()]

whole = unpack(resource.RLIM_INFINITY)
sizes = sorted({path.stat().st_size for path in folders()[0].iterdir()})
shutil.rmtree(folders()[0])
limits = [0, *(sum(pair) // 2 for pair in pairwise([0, *sizes]))]  # each size is once the smallest that does not fit
tries = [(unpack(most), len(folders())) for most in limits]
print(json.dumps({"whole": whole, "tries": tries, "again": unpack(resource.RLIM_INFINITY)}))
"""


def test_a_disk_that_is_full_while_a_model_is_unpacked(tmp_path):
    path = write_gguf(tmp_path / "own.gguf", general__name="Own")
    command = [sys.executable, "-c", UNPACK, str(path)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {"model.safetensors", "config.json", "tokenizer.json", "source.json"} <= set(found["whole"])
    assert len(found["tries"]) > 4
    for said, n_folders in found["tries"]:
        assert said.startswith("The weights could not be unpacked into"), said
        assert said.endswith("make room and give the same command again.")
        assert n_folders == 0
    assert found["again"] == found["whole"]
