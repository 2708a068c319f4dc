"""A text in one way of writing, so that two ways of writing one thing are compared as one (docs/methods.md §5).

"Henry VIII", "Henry the Eighth" and "Henry 8"; "July 20, 1969" and "1969-07-20"; "5 km" and "five kilometres"; "2½" and
"2.5". Both sides of a comparison are written so; what comes out is for no reader.
"""

import re
import unicodedata
from functools import lru_cache

from homog_core.measures.numbers import NUMBER_WORDS, ORDINALS, Found, find_numbers, plain

_MONTHS = "january february march april may june july august september october november december".split()  # noqa: SIM905
_SHORT_MONTHS = {**{month[:3]: i for i, month in enumerate(_MONTHS, 1)}, "sept": 9}
_MONTH_OF = {month: i for i, month in enumerate(_MONTHS, 1)} | _SHORT_MONTHS
_ANY_MONTH = "|".join(sorted(_MONTH_OF, key=len, reverse=True))
_SURE_MONTH = "|".join(month for month in _MONTHS if month != "may")  # a word of another meaning
_NAMED_MONTH = re.compile(
    rf"(?:(?<=\d )|(?<=\dth ))(?:of )?({_ANY_MONTH})\b\.?|\b({_ANY_MONTH})\b\.?(?= (?:the )?\d)|\b({_SURE_MONTH})\b"
    r"|(?:^|(?<=in ))(may)(?=\W*$)"
)
_YEAR_FIRST = re.compile(r"(?<![\d-])(\d{4})\s?[-/.年년]\s?0?(\d{1,2})\s?[-/.月월]\s?0?(\d{1,2})(?!\d)\s?[日일]?")
_YEAR_LAST = re.compile(r"(?<![\d/.])(\d{1,2})([./])(\d{1,2})\2(\d{4})(?!\d)")
_TIME = re.compile(r"\b(\d{1,2})(?:\s?[:.]\s?(\d\d))?\s?([ap])\.?\s?m\b\.?|\b(\d{1,2})\s?:\s?(\d\d)\b(?!:)")
_ORDINAL = re.compile(rf"(?:\b(\w+)[ -])?\b({'|'.join(ORDINALS)})\b")
_NO_ORDINAL_AFTER = NUMBER_WORDS | {"a", "per", "each", "every"}  # "one third", "a second"
_ROMAN = re.compile(
    r"\b(?=[IVXL]{2,}\b|[IVXLCDM]{4,}\b)M{0,3}(?:C[MD]|D?C{0,3})(?:X[CL]|L?X{0,3})(?:I[XV]|V?I{0,3})(?<=[IVXLCDM])\b",
    re.IGNORECASE,
)
_I_SAY = "am was have had think believe know would will can could do did guess suppose mean say said".split()  # noqa: SIM905
_ROMAN_ONE = re.compile(
    rf"\b([A-Z][\w’']+ )([IV])\b(?! (?:{'|'.join(_I_SAY)})\b)|(?<=[^\W_] )([ivIV])(?=\s*(?:[,.;:!?)\]]|of\b|$))"
)
_ROMAN_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}
_INITIALS = re.compile(  # U.S.A., M*A*S*H, J. R. R., and the T S of a name
    r"(?<!\w)(?:[^\W\d_](?:[*-]|\.\s?)|[A-Z]\s(?=[A-Z])){2,}(?:[^\W\d_](?!\w))?"
)
_THE_LETTER_A = re.compile(r"(?<![\w’'])A\b(?!\s*[\w’'])")  # and no article
_SUFFIX = re.compile(r"(?<=\w\w)['’](?:[dt][ıiuü]r|[dt][ae]n?|n[ıiuü]n)\b")  # of Turkish names
_ROMAN_CHARACTERS = re.compile("[Ⅰ-ⅿ]+")
_TITLES = {"St": "Saint", "Mt": "Mount", "Ft": "Fort", "Dr": "Doctor"}
_TITLE = re.compile(r"\b({})\b\.?(?= [^\W\d_a-z])".format("|".join([*_TITLES, *map(str.upper, _TITLES)])))
_REWRITTEN = (  # in lower case, after numbers; the first ones before those that they are part of
    (r"(?<=\d)th (?=month\d)", " "),
    (r"\b(month\d+ (?:the )?\d+)th\b", r"\1"),
    (r"\b(no|any|some|every)[ -]?one\b", r"\1body"),
    (r"\bbce\b", "bc"),
    (r"\bce\b", "ad"),
    (r"\b([a-z]{1,2})-(?=\d)", r"\1"),  # F-16
    (r"(?<=\d)(?: ?° ?| (?:degrees? )?)c(?:elsius)?\b", " celsius"),
    (r"(?<=\d)(?: ?° ?| (?:degrees? )?)f(?:ahrenheit)?\b", " fahrenheit"),
    (r"(?<=\d) ?°", " degrees"),
    (r"\bmiles per hour\b", "mph"),
    (r"\bkilomet(?:er|re)s?\b", "km"),
    (r"\bcentimet(?:er|re)s?\b", "cm"),
    (r"\bmillimet(?:er|re)s?\b", "mm"),
    (r"\bmet(?:er|re)s?\b", "m"),
    (r"\b(?:kilogram(?:me)?|kilo)s?\b", "kg"),
    (r"\bgram(?:me)?s?\b", "g"),
    (r"\bminutes?\b|\bmins\b", "min"),
    (r"\bhours?\b|\bhrs?\b", "h"),
    (r"\b(?:seconds|secs?)\b|(?<=\d )second\b", "s"),
    (r"\blit(?:er|re)s?\b", "l"),
    (r"(?<=\d) ?(?:foot|ft)\b", " feet"),
    (r"\blbs?\b", "pounds"),
    (r"(?<=\d)(?=(?:[kcm]?m|k?g|min|h|s|mph|l)\b)", " "),
    (r"\b(km|m) ?(?:per|/) ?(h|s)\b", r"\1\2"),
    (r"\b(?:square|sq\.?) ([kcm]?m|feet|miles)\b", r"\g<1>2"),
    (r"\bcubic ([kcm]?m|feet|miles)\b", r"\g<1>3"),
    (r"\b([kcm]?m)\^([23])", r"\1\2"),
    (r"(?:\bus ?)?\$ ?(\d\w*)|\b(\d\w*) (?:usd|us dollars)\b", r"\1\2 dollarsum"),  # "$5" names no dollars
    (r"\b(\d\w*) dollars?\b", r"\1 dollarsum dollars"),
    (r"€ ?(\d\w*)|\b(\d\w*) ?(?:€|eur\b)", r"\1\2 eurosum"),
    (r"\b(\d\w*) euros?\b", r"\1 eurosum euros"),
    (r"£ ?(\d\w*)|\b(\d\w*) ?(?:£|gbp\b)", r"\1\2 poundsum"),
    (r"\b(\d\w*) pounds?\b", r"\1 poundsum pounds"),
)
_REWRITES = tuple((re.compile(pattern), written) for pattern, written in _REWRITTEN)
# Without a digit, one of these words or a sign of currency none of them finds anything, as in most answers.
_REWRITABLE = re.compile(
    r"\d|[$€£]|\b(?:no|any|some|every|bce|ce|miles|kilo|met(?:er|re)|(?:centi|milli)met|gram|min|hour|hr|sec|lit(?:er|re)|lb|"
    r"km|m|square|sq|cubic|usd|us|dollar|euro|eur|pound|gbp)"
)
_DIGIT = re.compile(r"\d")
_LETTERS = str.maketrans(  # that Unicode takes apart no further, or that one language writes in two ways
    {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "þ": "th", "æ": "ae", "Æ": "Ae", "œ": "oe"}
    | {"Œ": "Oe", "ħ": "h", "ı": "i", "ة": "ه", "ى": "ي", "ی": "ي", "ک": "ك", "ـ": ""}
)
_ARABIC_VOWELS = re.compile("[\u064b-\u0652\u0670]")
_ARABIC_ARTICLE = re.compile(r"\bال(?=\w{3})")
_READ_AS_LATIN = "Â\u00a0"  # a space that was read in the wrong encoding
_ENDINGS = re.compile(r"(?<=\d)(?:st|nd|rd|th|['’]?s)\b")  # an ordinal is no number that an answer counts
_ENDS_AS_ORDINAL = re.compile(rf"(?:{'|'.join(ORDINALS)})$")
_LONGEST_NUMBER = 10.0**15  # from which a float no longer holds every digit


@lru_cache(maxsize=4096)  # a reference is compared with every answer
def uniform(text: str) -> str:
    """`text` in lower case, with dates, times, ordinals, Roman numerals, units and numbers in one way of writing.

    A number is a word that begins with a digit: "2p5" is 2.5, "5n" is -5, "3th" third and "3h30" half past three.
    "month7" is July.
    """
    text = _INITIALS.sub(_joined, text.replace(_READ_AS_LATIN, " "))
    text = _TITLE.sub(lambda title: _TITLES[title[1].capitalize()], _THE_LETTER_A.sub("LetterA", text))
    text = _ROMAN_CHARACTERS.sub(lambda numeral: unicodedata.normalize("NFKC", numeral[0]), text)
    text = _SUFFIX.sub("", text).translate(_LETTERS)
    text = _ARABIC_ARTICLE.sub("", _ARABIC_VOWELS.sub("", text))
    text = _ROMAN_ONE.sub(lambda m: f"{m[1] or ''}{_roman(m[2] or m[3])}", _ROMAN.sub(lambda m: _roman(m[0]), text))
    if _DIGIT.search(text):
        text = _YEAR_LAST.sub(_date, _YEAR_FIRST.sub(r"\3 month\2 \1", text)).lower()
        text = _TIME.sub(_time, text)
    text = _with_numbers(_ORDINAL.sub(_ordinal, text.lower()))
    text = _NAMED_MONTH.sub(lambda m: f"month{_MONTH_OF[m[m.lastindex]]}", text)
    if _REWRITABLE.search(text):
        for pattern, written in _REWRITES:
            text = pattern.sub(written, text)
    return text


def _joined(initials: re.Match) -> str:
    """Initials as one word, with the space behind them."""
    return re.sub(r"[.*\s-]", "", initials[0]) + (
        " " if initials[0][-1].isspace() or initials.string[initials.end() :][:1].isalpha() else ""
    )


def _roman(numeral: str) -> str:
    values = [_ROMAN_VALUES[letter] for letter in numeral.lower()]
    following = [*values[1:], 0]
    return str(sum(value if value >= after else -value for value, after in zip(values, following, strict=True)))


def _date(match: re.Match) -> str:
    """Day and month of 20.7.1969 and 20/7/1969; with a slash the month may come first, and where both may, it stays."""
    first, second, year = int(match[1]), int(match[3]), match[4]
    if match[2] == "/" and second > 12:
        first, second = second, first
    is_told = second <= 12 and (match[2] == "." or first > 12 or first == second)
    return f"{first} month{second} {year}" if is_told else match[0]


def _time(match: re.Match) -> str:
    """A time of day as "3 pmtime"; 9:00 may be in the morning or not."""
    hour, minutes = int(match[1] or match[4]), match[2] or match[5] or "00"
    half = f" {match[3]}mtime" if match[3] else ""
    if not half and 12 < hour < 24:
        hour, half = hour - 12, " pmtime"
    return f"{hour}{'' if minutes == '00' else f'h{minutes}'}{half}"


def _ordinal(match: re.Match) -> str:
    before = match[1]
    if before and (before in _NO_ORDINAL_AFTER or before[-1].isdigit()):
        return match[0]
    return f"{match[0][: match.start(2) - match.start()]}{ORDINALS[match[2]]}th"


def _with_numbers(text: str) -> str:
    """A text in lower case whose numbers are written in digits, and ordinals as these."""
    text, parts, end = plain(text), [], 0
    for found in find_numbers(text):
        start = found.end - len(text[found.start : found.end].lstrip("$€£¥"))
        if start and text[start - 1].isalpha():  # H2O
            continue
        parts += [text[end:start], _digits(found, text[start : found.end])]
        end = found.end
    return _ENDINGS.sub(lambda m: "s" if m[0][-1] == "s" else "th", "".join([*parts, text[end:]]))


def _digits(found: Found, written: str) -> str:
    if abs(found.value) >= _LONGEST_NUMBER:
        return written
    digits = f"{abs(found.value):.12f}".rstrip("0").rstrip(".").replace(".", "p")
    digits += "th" if _ENDS_AS_ORDINAL.search(written) and found.value == int(found.value) else ""
    return f"{digits}{'n' if found.value < 0 else ''}{' percent' if found.is_percent else ''}"
