import ast
import subprocess
import sys

import pytest

from homog_core.paths import PROJECT

PACKAGE = PROJECT / "homog_core"
# A module imports only from those before it.
ORDER = [
    "errors",
    "records",
    "catalogue",
    "published",
    "paths",
    "handbook",
    "prompts",
    "clustering",
    "uncertainty",
    "grading",
    "metrics",
    "cascade",
    "toys",
    "calibration",
    "weights",
    "sampling",
    "encoders",
    "projection",
    "figures",
    "charts",
    "teaching_figures",
    "html_page",
    "questions",
    "training_data",
    "store",
    "exchange",
    "pipeline",
    "scoring",
    "scored",
    "report",
    "aggregate",
    "findings",
    "story",
    "telling",
    "side_by_side",
    "results",
    "run_card",
    "html_report",
    "live",
    "train",
    "cli",
    "__main__",
]
HEAVY = {"torch", "transformers", "sentence_transformers", "umap", "datasets", "peft", "trl"}

FILES = sorted(PACKAGE.glob("*.py"))
TREES = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
each_module = pytest.mark.parametrize("module", TREES)


def imported(nodes):
    """The dotted names that these nodes import; `from a import b` counts as `a.b`."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = f"homog_core.{node.module or ''}".rstrip(".") if node.level else node.module
            yield from (f"{base}.{alias.name}" for alias in node.names)


def run_on_import(node):
    """The nodes that importing the module runs: not the bodies of functions, not what only type checkers see."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield child
        yield from run_on_import(child)


def public(tree):
    """Public functions and classes of a module, and the public methods of those classes."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node)


def test_every_module_has_its_place():
    assert set(TREES) - {"__init__"} == set(ORDER)


@each_module
def test_a_module_imports_only_from_those_above_it(module):
    allowed = ORDER[: ORDER.index(module)] if module in ORDER else []

    own = {name.split(".")[1] for name in imported(ast.walk(TREES[module])) if name.startswith("homog_core.")}

    assert own - set(allowed) == set()


@each_module
def test_the_library_does_not_know_streamlit(module):
    packages = {name.split(".")[0] for name in imported(ast.walk(TREES[module]))}

    assert "streamlit" not in packages


@each_module
def test_heavy_packages_are_imported_inside_functions(module):
    packages = {name.split(".")[0] for name in imported(run_on_import(TREES[module]))}

    assert packages & HEAVY == set()


def test_stored_results_are_shown_without_heavy_packages():
    program = (
        "import sys, homog_core.report, homog_core.store, homog_core.figures; "
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )

    result = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=False)

    assert (result.stdout.strip(), result.returncode) == ("[]", 0), result.stderr


@each_module
def test_everything_public_is_documented(module):
    tree = TREES[module]

    assert ast.get_docstring(tree)
    assert [node.name for node in public(tree) if not ast.get_docstring(node)] == []
