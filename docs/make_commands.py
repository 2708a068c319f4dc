"""The help of each command → docs/commands.md. Run by `make docs`; a test compares."""

from argparse import HelpFormatter
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
    (commands,) = (action.choices for action in top._actions if action.choices)
    sections = [HEAD]
    for name, command in {"homog": top, **{f"homog {name}": found for name, found in commands.items()}}.items():
        command.formatter_class = partial(HelpFormatter, width=WIDTH)
        command.color = False  # of Python 3.14 on a terminal
        sections.append(f"## {name}\n\n```\n{command.format_help()}```\n")
    return "\n".join(sections)


if __name__ == "__main__":
    PATH.write_text(document(), encoding="utf-8")
    print(f"Wrote {PATH}")
