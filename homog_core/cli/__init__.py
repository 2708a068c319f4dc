"""The command line: `homog …`, or `python -m homog_core …`.

Exit status 0: done; 1: the work failed; 2: the call was wrong. With `--json` the result goes to standard output as
one JSON document; progress and messages go to standard error.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from homog_core.cli.parser import command_parser
from homog_core.errors import HomogError, InvalidInput

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = command_parser(_program()).parse_args(arguments)
    try:
        return options.command(options) or 0
    except InvalidInput as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except HomogError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read this has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("Stopped. What was done is kept; the same command goes on with it.", file=sys.stderr)
        return 1


def _program() -> str:
    """What the user typed, as the help shows it."""
    return "homog" if Path(sys.argv[0]).stem == "homog" else "python -m homog_core"
