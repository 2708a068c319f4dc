"""The answers to one question as a tree of tokens: what they share, where they part, and how open each parting was."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from homog_core.records import Response

END = None  # the key of an answer's end; a piece of text may be empty, as half of a character is


@dataclass(slots=True, eq=False)
class Node:
    """A piece of text that some answers say next, all of them the same way up to here."""

    text: str
    answers: list[int] = field(default_factory=list)  # sample indices of the answers that run through it
    entropy: float = float("nan")  # nats, stored, of what comes after it: the mean over its answers
    children: dict[str | None, "Node"] = field(default_factory=dict)
    is_end: bool = False  # the answers end here, where others go on

    @property
    def count(self) -> int:
        """How many answers run through it."""
        return len(self.answers)


def token_tree(responses: Mapping[int, Response]) -> Node:
    """The tree of some answers, by sample index. Pieces that nothing branches from are folded into one.

    A node's entropy is that of the distribution which the token after it was drawn from: at a branching it says how
    open the choice was. An answer's end is a child without text where other answers go on. Answers whose tokens are
    not known are cut into words, and their entropies are NaN.
    """
    root = Node("")
    entropies: dict[int, list[float]] = {}

    def add(node: Node, index: int, entropy: float) -> None:
        node.answers.append(index)
        entropies.setdefault(id(node), []).append(entropy)

    for index, response in responses.items():
        pieces, said = _pieces(response)
        node = root
        add(node, index, said[0] if said else float("nan"))
        for place, piece in enumerate(pieces, start=1):
            node = node.children.setdefault(piece, Node(piece))
            add(node, index, said[place] if place < len(said) else float("nan"))
        if response.finish_reason != "length":
            node.children.setdefault(END, Node("", is_end=True)).answers.append(index)
    _finish(root, entropies)
    return root


def branches(root: Node) -> pd.DataFrame:
    """The tree as a table, the root first and every parent before its children, the largest child first.

    id; parent, −1 of the root; text; path, the text from the beginning on; n, answers; entropy, nats; is_end; is_leaf.
    """
    rows, waiting = [], [(root, -1, "")]
    while waiting:
        node, parent, before = waiting.pop(0)
        own, path = len(rows), before + node.text
        rows.append((own, parent, node.text, path, node.count, node.entropy, node.is_end, not node.children))
        ordered = sorted(node.children.values(), key=lambda child: (-child.count, child.answers))
        waiting += [(child, own, path) for child in ordered]
    columns = ["id", "parent", "text", "path", "n", "entropy", "is_end", "is_leaf"]
    return pd.DataFrame(rows, columns=columns)


def branching_factor(responses: Sequence[Response]) -> np.ndarray:
    """Exp of the mean stored entropy (T,) by position, over the answers that have a token there; NaN where unknown."""
    rows = [response.token_entropies[response.own_tokens] for response in responses]
    longest = max(map(len, rows), default=0)
    padded = np.full((len(rows), longest), np.nan)
    for row, values in zip(padded, rows, strict=True):
        row[: len(values)] = values
    known = ~np.isnan(padded)
    total = np.where(known, padded, 0).sum(axis=0)
    return np.exp(np.divide(total, known.sum(axis=0), out=np.full(longest, np.nan), where=known.any(axis=0)))


def vanished(base: Sequence[str], aligned: Sequence[str]) -> list[str]:
    """The first words of some answers that no answer of `aligned` begins with, the commonest first.

    Words and not pieces, since two models may cut a word into other tokens. Case and punctuation do not count.
    """
    kept = {_first_word(answer) for answer in aligned}
    said = Counter(word for answer in base if (word := _first_word(answer)) and word not in kept)
    return sorted(said, key=lambda word: (-said[word], word))


def _pieces(response: Response) -> tuple[list[str], list[float]]:
    """The pieces of an answer, and the entropies that each was drawn from, that of its end last."""
    own = response.own_tokens
    pieces = list(response.tokens[own])
    entropies = response.token_entropies[own.start : own.stop + 1].tolist()
    if len(pieces) < 2 and len(response.answer.split()) > 1:  # one token that is a whole answer: no tokens are known
        pieces = re.findall(r"\s*\S+", response.answer)
        entropies = []
    if pieces:
        pieces[0] = pieces[0].lstrip()
    return [piece for piece in pieces if piece] if not entropies else pieces, entropies


def _finish(node: Node, entropies: dict[int, list[float]]) -> None:
    """Set the entropies, drop ends that are no branching, and fold what does not branch. Without recursion."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        while len(one.children) == 1:
            (child,) = one.children.values()
            if child.count != one.count:
                break
            if child.is_end:
                one.children = {}
                break
            one.text += child.text
            entropies[id(one)] = entropies[id(child)]
            one.children = child.children
        known = [value for value in entropies.get(id(one), []) if not np.isnan(value)]
        one.entropy = float(np.mean(known)) if known else float("nan")
        waiting.extend(one.children.values())


def _first_word(text: str) -> str:
    words = text.split()
    return words[0].casefold().strip(".,:;!?()\"'") if words else ""
