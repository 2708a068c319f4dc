"""What is said of the trees of answers. Texts of models in it are to be escaped where they are shown."""

from collections.abc import Sequence

from homog_core.wording.numbers import counted, number

MOST_GONE = 3  # beginnings that a title names


def title(names: Sequence[str], n_ways: Sequence[int], gone: Sequence[str]) -> str:
    """In how many ways the answers go on where they first part, and which first words the last model no longer uses."""
    each = ", ".join(f"{name} goes on in {counted(n, 'way')}" for name, n in zip(names, n_ways, strict=True))
    if len(names) < 2 or not gone:
        return each
    shown = ", ".join(f"“{text}”" for text in gone[:MOST_GONE])
    more = f" and {len(gone) - MOST_GONE} more" if len(gone) > MOST_GONE else ""
    return f"{each}; beginnings that only {names[0]} used: {shown}{more}"


def how_to_read(has_entropies: bool, narrow: bool) -> str:
    """Under the title; on a phone the tree grows downwards."""
    colour = (
        "The stronger the orange, the higher the entropy of what comes next; without any one token is certain"
        if has_entropies
        else "The tokens are not known, so answers are cut into words and have no colour"
    )
    way, size = ("From top to bottom", "Width") if narrow else ("From left to right", "Height")
    return (
        f"{way}: answers that begin alike share a branch. {size} is the number of answers. "
        f"{colour}. Click a branch to look at it alone, and the first one to go back."
    )


def branching_note(name: str, factors: Sequence[float]) -> str:
    """How open the first tokens were."""
    first = " → ".join(number(factor, 1) for factor in factors)
    return f"{name}: as if {first} equally likely tokens at the first positions"
