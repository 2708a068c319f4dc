"""What is said of the trees of answers. Texts of models in it are to be escaped where they are shown."""

from collections.abc import Sequence

from homog_core.wording.numbers import counted, number

MOST_GONE = 3  # beginnings that a title names


def title(names: Sequence[str], n_ways: Sequence[int], gone: Sequence[str]) -> str:
    """In how many ways the answers go on where they first part, and which beginnings the last model no longer uses."""
    each = ", ".join(f"{name} begins in {counted(n, 'way')}" for name, n in zip(names, n_ways, strict=True))
    if len(names) < 2 or not gone:
        return each
    shown = ", ".join(f"“{text}”" for text in gone[:MOST_GONE])
    more = f" and {len(gone) - MOST_GONE} more" if len(gone) > MOST_GONE else ""
    return f"{each}; gone: {shown}{more}"


def how_to_read(has_entropies: bool) -> str:
    """Under the title."""
    colour = (
        "the colour is the entropy of what comes next, from pale (one token is certain) to orange (many are possible)"
        if has_entropies
        else "its tokens are not known, so it is cut into words and has no colour"
    )
    return (
        "From left to right: answers that begin alike share a branch. Height is the number of answers; "
        f"{colour}. Click a branch to look at it alone, and the first one to go back."
    )


def branching_note(name: str, factors: Sequence[float]) -> str:
    """How open the first tokens were."""
    first = " → ".join(number(factor, 1) for factor in factors)
    return f"{name}: as if {first} equally likely tokens at the first positions"
