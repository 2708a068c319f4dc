"""`import homog_core`: what it offers, what it costs, and the examples of docs/library.md on the shipped runs."""

import ast
import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import MODEL_CACHE

import homog_core
from homog_core import files
from homog_core.sampling.weights import find_model, local_weights

DOCUMENT = files.PROJECT / "docs" / "library.md"
EXAMPLES = re.findall(r"^## (\d+)\. (.*?)$.*?```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.M | re.S)
SAMPLED = "smollm2-135m-instruct"


@pytest.fixture
def unpacked(own_cache, monkeypatch):
    """The weights that the last example samples, unpacked once per machine."""
    with monkeypatch.context() as patch:
        patch.setenv("HOMOG_CACHE", MODEL_CACHE)
        local_weights(find_model(SAMPLED))
    (own_cache / "models").symlink_to(Path(MODEL_CACHE).resolve() / "models")


@pytest.mark.usefixtures("unpacked")
def test_the_ten_examples_print_what_the_document_says():
    names: dict[str, object] = {}
    said: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)

    for number, title, code in EXAMPLES:
        example = doctest.DocTestParser().get_doctest(code, {}, f"{number}. {title}", str(DOCUMENT), None)
        example.globs = names  # one notebook
        runner.run(example, out=said.append, clear_globs=False)

    assert [int(number) for number, _, _ in EXAMPLES] == list(range(1, 11))
    assert SAMPLED in EXAMPLES[-1][2]
    assert runner.summarize(verbose=False).failed == 0, "".join(said)


def test_the_examples_use_every_name_that_the_library_offers():
    used = {name for _, _, code in EXAMPLES for name in re.findall(r"homog_core\.(\w+)", code)}
    assert used - {"figures", "measures", "statistics"} == set(homog_core.__all__)


def test_each_name_is_the_one_of_its_module_and_known_to_type_checkers():
    for name in homog_core.__all__:
        assert getattr(homog_core, name).__name__ == name
    tree = ast.parse(Path(homog_core.__file__).read_text("utf-8"))
    checked = {
        alias.name: node.module
        for block in tree.body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
        for alias in node.names
    }
    assert checked == {name: getattr(homog_core, name).__module__ for name in homog_core.__all__}
    assert set(homog_core.__all__) <= set(dir(homog_core))


def test_another_name_is_refused_as_python_does():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = homog_core.nothing
    assert not hasattr(homog_core, "nothing")


def test_importing_the_library_imports_no_large_package():
    program = "import sys, homog_core; dir(homog_core); print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=files.PROJECT, capture_output=True, text=True, check=True
    )
    imported = set(done.stdout.split())
    assert "homog_core" in imported
    assert imported & {"torch", "transformers", "pandas", "numpy", "scipy", "plotly", "sentence_transformers"} == set()
