"""A command as a person types it, in a shell: what begins with a dash or holds a space still arrives as it is."""

import shlex

PROGRAM = "python -m homog_core"


def typed(command: str, *names: str, **options: object) -> str:
    """A command with the names that it is about and its options, of which those that are None are left out."""
    words = []
    for name, value in options.items():
        if value is not None:
            flag, text = f"--{name.replace('_', '-')}", str(value)
            words.append(f"{flag}={shlex.quote(text)}" if text.startswith("-") else f"{flag} {shlex.quote(text)}")
    quoted = list(map(shlex.quote, names))
    if any(name.startswith("-") for name in names):
        return " ".join([PROGRAM, command, *words, "--", *quoted])
    return " ".join([PROGRAM, command, *quoted, *words])


def first_sample() -> str:
    """What somebody types who has no runs yet."""
    return typed("sample", model="gemma-3-270m", dataset="starter", limit=5)
