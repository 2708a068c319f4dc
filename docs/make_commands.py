"""The help of each command → docs/commands.md. Run by `make docs`; a test compares."""

from argparse import ArgumentParser, HelpFormatter, _SubParsersAction
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from homog_core.cli.parser import command_parser

PATH = Path(__file__).with_name("commands.md")
WIDTH = 100  # columns
HEAD = """# The commands

`homog COMMAND …` and `python -m homog_core COMMAND …` are the same. Exit status 0: done; 1: the work failed; 2: the
call was wrong. This file is made from the commands' own help by `make docs`.
"""


def document() -> str:
    """The text of docs/commands.md: what `--help` prints for the whole and for each command."""
    top = command_parser("homog")
    sections = [HEAD]
    for name, command in _commands("homog", top):
        command.formatter_class = partial(HelpFormatter, width=WIDTH)
        command.color = False  # of Python 3.14 on a terminal
        sections.append(f"## {name}\n\n```\n{command.format_help()}```\n")
    return "\n".join(sections)


def _commands(name: str, parser: ArgumentParser) -> Iterator[tuple[str, ArgumentParser]]:
    """A command with its name, then those below it."""
    yield name, parser
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for below, found in action.choices.items():
                yield from _commands(f"{name} {below}", found)


if __name__ == "__main__":
    PATH.write_text(document(), encoding="utf-8")
    print(f"Wrote {PATH}")
