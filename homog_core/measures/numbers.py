"""The numbers of a text, however they are written, and the one that an answer states (docs/methods.md §5).

"1,000,000", "1.000.000", "10^6", "1M", "1 million", "one million" and "一百万" are one number; so are "1/2", "½", "0.5"
and "0,5". Units and signs of currency are left out, and the sign is kept.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

_GROUPED = r"\d{1,3}(?:(?:,\d{3})+|(?:\.\d{3}){2,}|(?:[  ’']\d{3})+)(?!\d)"
_PLAIN = r"\d+(?:(?<![.,]\d)(?<![.,]\d\d)[.,]\d+(?![.,]?\d))?|\.\d+"
_SIGN = r"(?<!\d/)(?:(?<![\w.)\]])[-+])?"  # the minus of "20-5" is no sign
_DIGITS = re.compile(
    rf"(?P<number>{_SIGN}[$€£¥]?{_SIGN}(?:{_GROUPED}(?:[.,]\d+)?|{_PLAIN}))"
    r"(?:(?:\s+(?P<part>\d+))?\s*/\s*(?P<divisor>\d+)(?![\d/]))?"  # 1/2, and 2 1/2
    r"(?:(?P<thousands>k\b)|e(?P<exponent>[-+]?\d{1,3})\b|(?:\^|\*\*)\{?(?P<raised>[-+]?\d{1,4})\b\}?"
    r"|\s*[x×*·⋅]\s*10(?:\^|\*\*)\{?(?P<power>[-+]?\d{1,3})\b\}?"
    r"|\s*[x×]\s*10(?P<flat>[1-9]\d?)\b)?"  # a power whose exponent is no longer raised
)
_DATE = re.compile(r"(?<![\d/])\d{1,4}/\d{1,2}/\d{1,4}(?![\d/])")
_ONES = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "  # noqa: SIM905
        "seventeen eighteen nineteen".split()
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2)  # noqa: SIM905
}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12}
_SCALES |= {"lakh": 10**5, "crore": 10**7}
_SCALES_AFTER_DIGITS = {  # in other words and languages; "m" and "mil" mean more than one thing
    r"thousands|tsd\b|тыс(?:яч[аи]?)?": 10**3,
    r"lakhs": 10**5,
    r"mi?o\b|ml?n|millions|millionen|millones|milioni|milhões|млн|миллион(?:а|ов)?": 10**6,
    r"crores": 10**7,
    r"bn|mrd|billions|milliarden?|milliards?|miliardi|млрд|миллиард(?:а|ов)?": 10**9,
}
_PARTS = {"half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fifth": 5, "fifths": 5}
_PARTS |= {"fourths": 4, "sixths": 6, "sevenths": 7, "eighths": 8, "ninths": 9, "tenths": 10}
ORDINALS = {
    word: value
    for value, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "  # noqa: SIM905
        "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth".split(),
        start=1,
    )
}
NUMBER_WORDS = frozenset({*_ONES, *_TENS, *_SCALES, "half", "quarter"})
_NUMERAL, _SCALE, _PART = "|".join([*_ONES, *_TENS, *_SCALES]), "|".join(_SCALES), "|".join(_PARTS)
_ORDINAL = rf"(?:{'|'.join(_TENS)})-(?:{'|'.join(list(ORDINALS)[:9])})"  # "twenty-first" is 21
_SPELLED = re.compile(
    rf"\b(?:(?:minus|negative)\s+)?(?:{_ORDINAL}|(?:{_NUMERAL})(?:[\s-]+(?:and[\s-]+)?(?:an?[\s-]+)?(?:{_NUMERAL}|{_PART}))*"
    rf"|(?:half|quarter)(?:\s+an?\s+(?:{_SCALE}))?|an?\s+(?:{_SCALE}|half|quarter))\b"
)
_SIGNS = str.maketrans({"⁄": "/", "−": "-", "–": "-", "٫": ".", "٬": ","})
_ONLY_ONE = re.compile(r"(?:(?:it|there)(?:['’]s| is| was) )?(?:just |only |exactly )?one(?: [\w-]+)?[.!]?")
_SCALE_AFTER = re.compile(
    r"\s*-?\s*(?:({})|{})\b".format("|".join(_SCALES), "|".join(f"({names})" for names in _SCALES_AFTER_DIGITS))
)
_FACTORS = [None, *_SCALES_AFTER_DIGITS.values()]  # of the groups of `_SCALE_AFTER` behind the first
_PERCENT = re.compile(r"\s*(?:%|per ?cent\b|pct\b)")
_LATEX = (
    (re.compile(r"\\[dt]?frac\s*\{([^{}]+)\}\s*\{([^{}]+)\}"), r"\1/\2"),
    (re.compile(r"\\[dt]?frac\s*(\d)\s*(\d)"), r"\1/\2"),
    (re.compile(r"\\(?:times|cdot)\b"), "x"),
    (re.compile(r"\\%"), "%"),
)
_MILLIONS = re.compile(r"(?<=\d)M\b(?![&'’])|(?<![\w.])([$€£]\s?\d[\d.,]*)m\b")
_BILLIONS = re.compile(r"(?<![\w.])([$€£]\s?\d[\d.,]*|\d+\.\d+)[Bb]\b")  # no flat 7B
_HAN = "〇零一二两兩三四五六七八九十百千万萬億亿兆"
_HAN_NUMBER = re.compile(
    rf"(?:\d+(?:\.\d+)?\s?)[百千万萬億亿兆만억천](?:\d+(?:\.\d+)?[{_HAN}만억천]|[{_HAN}만억천])*|[{_HAN}]{{2,}}"
    rf"|[{_HAN}](?=[个個人つ本年月日歳岁位只匹枚座])|^[{_HAN}](?=\W*$)"
)
_HAN_VALUES = {"两": 2, "兩": 2, "만": 10**4, "억": 10**8, "천": 1000}  # which `unicodedata` has no value for
_LIST_MARK = re.compile(r"(?m)^[ \t]*\(?\d{1,2}[.)]\s")
_MARKERS = re.compile(r"(?:answer|result|total|sum|solution)\s*(?:is|was|are|:|=)\s*|####\s*|\\boxed\{", re.IGNORECASE)
_DIRECT = re.compile(r"(?:(?:it|that|this|there|they)(?:['’]s|\s+(?:is|are|was|were)))\s+", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[^\s.][.!?])\s|\n")
_STANDS_ALONE = re.compile(r"\s?(?:[;(]|:(?!\d))|,\s?(?![\s\d])")  # what follows a number that is an answer by itself
_AFTER_EQUALS = re.compile(r"=[^=]*$")


class Found(NamedTuple):
    """A number in a text."""

    value: float
    start: int
    end: int
    is_percent: bool = False


def number_word(value: int) -> str:
    """A whole number below a hundred in words, as "forty-seven"; "" for another one."""
    words = {number: word for word, number in (_ONES | _TENS).items()}
    if value in words:
        return words[value]
    return f"{words[value - value % 10]}-{words[value % 10]}" if 20 < value < 100 else ""


def numbers(text: str) -> list[float]:
    """The numbers of a text in their order: digits, fractions, words, with thousands separators and scales read."""
    return list(_values(text))


@lru_cache(maxsize=1 << 14)  # of words too; many rules ask for those of one question or answer
def _values(text: str) -> tuple[float, ...]:
    return tuple(found.value for found in find_numbers(text))


def find_numbers(text: str) -> list[Found]:
    """The numbers of a text (as `plain` writes it) with their places."""
    text = _DATE.sub(lambda date: date[0].replace("/", ";"), plain(text))  # three numbers, and no fraction
    found = [_read_digits(match, text) for match in _DIGITS.finditer(text)]
    taken = [(f.start, f.end) for f in found]
    for match in _SPELLED.finditer(text):
        is_pronoun = match[0] == "one" and not _ONLY_ONE.fullmatch(text.strip())
        if not is_pronoun and not any(start < match.end() and match.start() < end for start, end in taken):
            found.append(Found(_read_words(match[0]), match.start(), match.end()))
    return sorted((_with_percent(f, text) for f in found), key=lambda f: f.start)


def stated_number(text: str) -> float | None:
    """The value of the number that an answer states (`stated`); None where it states none."""
    found = stated(text)
    return found.value if found else None


def stated(text: str) -> Found | None:
    r"""The number that an answer states, its place without meaning; None where it states none.

    After the last "=", or else after the last "answer is", "total is", "####" or "\boxed{"; of an answer that begins
    with its number ("42. It took three steps.", "It is 42."), that one; otherwise the last number. A calculation
    that breaks off after "=" states none. Numbers that only count the points of a list are no answer.
    """
    text = plain(text)
    if len(_LIST_MARK.findall(text)) > 1:
        text = _LIST_MARK.sub(" ", text)
    marked = list(_MARKERS.finditer(text))
    if marked and "=" not in text[marked[-1].end() :]:
        after = find_numbers(_first_sentence(text[marked[-1].end() :]))
        if after:
            return after[0]
    last_equals = _AFTER_EQUALS.search(text)
    if last_equals:
        after = find_numbers(last_equals[0][1:])
        return after[0] if after else None
    first = _first_sentence(text)
    direct = _DIRECT.match(first)
    opening = first[direct.end() :] if direct else first
    found = find_numbers(opening)
    if found and found[0].start <= 2 and (len(found) == 1 or _STANDS_ALONE.match(opening, found[0].end)):
        return found[0]
    every = find_numbers(text)
    return every[-1] if every else None


def plain(text: str) -> str:
    """`text` in NFKC and lower case, with the plain signs for minus, dashes, decimals and the slash of fractions.

    LaTeX's fractions and products, Chinese numerals and the letters M and B behind digits are written out.
    """
    if not text.isascii():
        text = re.sub(r"(\d)([½¼¾⅓⅔⅛])", r"\1 \2", text)  # NFKC would write 2½ as 21/2
        text = re.sub("([⁺⁻]?[⁰¹²³⁴-⁹]+)", r"^\1", text)  # and 10² as 102
        text = unicodedata.normalize("NFKC", text).translate(_SIGNS)
        text = _HAN_NUMBER.sub(lambda written: f"{_read_han(written[0]):.15g}", text)
    if "\\" in text:
        for pattern, plainly in _LATEX:
            text = pattern.sub(plainly, text)
    return _BILLIONS.sub(r"\1 billion", _MILLIONS.sub(r"\1 million", text)).casefold()


def _first_sentence(text: str) -> str:
    return _SENTENCE_END.split(text.strip(), maxsplit=1)[0]


def _read_digits(match: re.Match, text: str) -> Found:
    value, end = _value(match["number"]), match.end()
    if match["part"]:
        value += float(match["part"]) / (float(match["divisor"]) or 1.0)
    elif match["divisor"]:
        value /= float(match["divisor"]) or 1.0
    if match["thousands"]:
        value *= 1000
    if power := match["exponent"] or match["power"] or match["flat"]:
        value *= 10.0 ** min(int(power), 300)
    if match["raised"]:
        value = _raised(value, int(match["raised"]))
    if scale := _SCALE_AFTER.match(text, end):
        value, end = value * (_FACTORS[scale.lastindex - 1] or _SCALES[scale[1]]), scale.end()
    return Found(value, match.start(), end)


def _with_percent(found: Found, text: str) -> Found:
    sign = _PERCENT.match(text, found.end)
    return found._replace(end=sign.end(), is_percent=True) if sign else found


def _raised(base: float, exponent: int) -> float:
    """A power as it is written, of -2^2 that of 2; at most 1e300."""
    try:
        return min(abs(base) ** exponent, 1e300) * (-1 if base < 0 else 1)
    except (OverflowError, ZeroDivisionError):
        return 1e300


def _read_han(written: str) -> float:
    """The value of Chinese numerals, mixed with digits or not: "四十二", "2千万", "二〇二四"."""
    total, section, current = 0.0, 0.0, None
    for part in re.findall(r"\d+(?:\.\d+)?|\S", written):
        value = float(part) if part[0].isascii() else _HAN_VALUES.get(part) or unicodedata.numeric(part, 0.0)
        if part[0].isascii() or value < 10:
            current = value if current is None else 10 * current + value
        elif value < 10**4:
            section, current = section + (1.0 if current is None else current) * value, None
        else:
            total, section, current = total + (section + (current or 0.0) or 1.0) * value, 0.0, None
    return total + section + (current or 0.0)


def _value(written: str) -> float:
    """The value of digits with a sign and separators."""
    written = re.sub(r"[$€£¥+  ’']", "", written)
    sign = -1.0 if written.startswith("-") else 1.0
    digits = written.lstrip("-")
    if re.fullmatch(r"\d{1,3}(?:\.\d{3}){2,}|[1-9]\d{0,2}(?:,\d{3})+", digits):  # 1.000.000 or 1,000
        return sign * float(re.sub(r"[.,]", "", digits))
    whole, _, rest = digits.replace(",", ".").rpartition(".")  # the last separator is the decimal one
    return sign * float(f"{whole.replace('.', '')}.{rest}" if whole else digits.replace(",", "."))


def _read_words(phrase: str) -> float:
    """The value of a number in words, as "two hundred and five", "a dozen" or "three quarters"."""
    words = [word for word in re.split(r"[\s-]+", phrase) if word != "and"]
    total, current, sign, before = 0.0, 0.0, 1.0, ""
    for word in words:
        if word in ("minus", "negative"):
            sign = -1.0
        elif word in _ONES or word in _TENS:
            current += _ONES.get(word, 0) + _TENS.get(word, 0)
        elif word in _SCALES:
            current = (current or 1.0) * _SCALES[word]
            if _SCALES[word] >= 1000:
                total, current = total + current, 0.0
        elif word in ORDINALS and before in _TENS and "-" in phrase:
            current += ORDINALS[word]
        elif word in _PARTS:  # "three quarters", "one half"; but "one and a half"
            current = current / _PARTS[word] if before in _ONES else current + 1 / _PARTS[word]
        before = word
    return sign * (total + current)
