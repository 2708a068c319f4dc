"""Every command that this product tells people to type can be typed, also of a run whose id begins with a dash."""

import ast
import re
import shlex
import tomllib

from fakes import FakeEncoder
from fakes import make_question as question

from homog_core import files
from homog_core.cli import main
from homog_core.cli.parser import command_parser
from homog_core.measures import encoders
from homog_core.records import Decoding, Identity
from homog_core.runs.importers import About, import_file
from homog_core.runs.manifest import identity_of
from homog_core.sampling.weights import availability, find_model
from homog_core.typed import PROGRAM, typed
from homog_core.wording import commands

SOURCES = [
    path for folder in ("homog_core", "dashboard", "pages") for path in sorted((files.PROJECT / folder).rglob("*.py"))
]
ODD = "-m odd--set--0123456789"


def options_of(command: str) -> dict:
    """What the command line makes of a command, as a shell hands it over; the test fails where it refuses it."""
    assert command.startswith(f"{PROGRAM} ")
    return vars(command_parser("homog").parse_args(shlex.split(command.removeprefix(f"{PROGRAM} "))))


def texts_of(tree: ast.AST):
    """The texts in a program without its docstrings; what an f-string puts in is NAME."""
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "NAME" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (parts | documents):
            yield node.value


def test_a_command_that_stands_in_a_sentence_is_one():
    extras = tomllib.loads((files.PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for path in SOURCES:
        for text in texts_of(ast.parse(path.read_text(encoding="utf-8"))):
            for command in re.findall(r"`(?:python -m homog_core|homog) ([^`]+)`", text):
                command_parser("homog").parse_args(shlex.split(command))
                # what is put in goes through `typed`, but for the keys of public studies
                assert "NAME" not in command or command.startswith("study get ")
            for extra in re.findall(r"pip install -e '\.\[(\w+)\]'", text):
                assert extra in extras


def test_every_typed_command_has_the_options_that_it_is_given():
    found = 0
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "typed":
                continue
            name = node.args[0].value
            values = {"top_p": 0.5, "format": "csv", "prompt": "plain", "dtype": "float32", "temperature": 0.5}
            given = {key.arg: values.get(key.arg, 3) for key in node.keywords}
            own = {"train": ["sft"], "study": ["get", "key"]}
            names = own.get(name) or [ODD for _ in node.args[1:]]
            options = options_of(typed(name, *names, **given))
            assert all(str(value) in str(options[key]) for key, value in given.items())
            found += 1
    assert found > 10


def test_what_begins_with_a_dash_or_holds_a_space_arrives_as_it_is():
    assert options_of(commands.score(ODD))["run"] == ODD
    by_nli = options_of(commands.score_by_nli(ODD))
    assert (by_nli["run"], by_nli["nli"]) == (ODD, "nli-deberta-v3-base")
    assert options_of(typed("compare", "a", ODD))["runs"] == ["a", ODD]
    identity = an_identity(model="/my models/-x", dataset="-set")
    again = options_of(commands.sample_as(identity, temperature=0.5))
    assert (again["model"], again["dataset"], again["temperature"]) == ("/my models/-x", "-set", 0.5)
    assert (again["samples"], again["max_new_tokens"], again["prompt"]) == (3, 7, "plain")
    assert options_of(commands.draws("-x"))["model"] == "-x"


def an_identity(**fields) -> Identity:
    given = {"model": "m", "dataset": "d", "revision": "", "dtype": "float32", "prompt_style": "plain"} | fields
    return identity_of([(question("q"), "p")], decoding=Decoding(n_samples=3, max_new_tokens=7), **given)


def test_a_missing_adapter_says_how_it_is_trained(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SHIPPED", tmp_path)  # no adapter is there
    for stage in ("dpo", "sft-continued"):
        (command,) = re.findall(r"`([^`]+)`", availability(find_model(f"gemma-3-270m-{stage}")).sentence)
        assert options_of(command)["stage"] == stage


def test_the_commands_of_a_model_that_begins_with_a_dash_are_really_run(no_shipped_runs, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(encoders, "SentenceEncoder", lambda name: FakeEncoder())
    path = tmp_path / "answers.csv"
    path.write_text("question,answer\nRed?,Mars\nRed?,Venus\n")
    run = import_file(path, About("-m", "set"))
    assert main(shlex.split(commands.score(run.id))[3:]) == 0
    assert main(shlex.split(typed("show", run.id))[3:]) == 0
    assert "single_cluster_rate@jaccard" in capsys.readouterr().out
