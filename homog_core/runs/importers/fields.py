"""What a row of an imported file may say: pydantic types of its fields, and the sentence for a row that they refuse.

A format adds its own fields to `QuestionRow`. A complaint names the line, the field, what is wrong and what to do.
"""

from collections.abc import Collection
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import AfterValidator, BaseModel, Field, FiniteFloat, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from homog_core.errors import InvalidInput
from homog_core.runs.rows import kind_of

MAX_CHARACTERS = 100_000  # of a text
_MAX_KEY = 200  # characters of what complaints repeat
_MAX_ROUNDING = 1e-6  # what rounding may leave of a log-probability above 0, and of an entropy below it
_MAX_NUMBER = 1e30  # fits the stored float32
_SHOWN = 40  # characters of a wrong value in a complaint


def _without_null(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("null", "it holds a null character; take that out")
    return text


def _between(low: float, high: float, bound: str) -> AfterValidator:
    """Numbers → float32 (T,), all of them in an interval."""

    def array(numbers: list[float]) -> np.ndarray:
        found = np.array(numbers, dtype=np.float64)
        outside = np.flatnonzero(~((low <= found) & (found <= high)))  # NaN is in no interval
        if len(outside):
            said = {"i": int(outside[0]) + 1, "value": f"{numbers[outside[0]]:g}", "bound": bound}
            raise PydanticCustomError("outside", "number {i} is {value}; {bound}, and finite", said)
        return found.astype(np.float32)

    return AfterValidator(array)


T = TypeVar("T")
Several = Annotated[list[T], Field(fail_fast=True)]  # millions of wrong entries make one error, not millions
Text = Annotated[str, Field(max_length=MAX_CHARACTERS), AfterValidator(_without_null)]
Key = Annotated[str, Field(max_length=_MAX_KEY), AfterValidator(_without_null)]
Logprobs = Annotated[Several[float], _between(-_MAX_NUMBER, _MAX_ROUNDING, "a log-probability is at most 0")]
Entropies = Annotated[Several[float], _between(-_MAX_ROUNDING, _MAX_NUMBER, "an entropy is at least 0")]
Row = TypeVar("Row", bound="QuestionRow")


class QuestionRow(BaseModel, strict=True):
    """What a row of any format says of its question: the fields of our own question files."""

    question: Text
    id: Key | int | None = None
    references: Text | Several[Text | FiniteFloat] | None = None
    incorrect_references: Text | Several[Text | FiniteFloat] | None = None
    category: Text | None = None
    answer_type: Key | None = None


def checked(content: dict[str, Any], model: type[Row], where: str, unread: Collection[str] = ()) -> Row:
    """A row as its model. Raises `InvalidInput` for what is missing, wrong, or neither in the model nor in `unread`."""
    try:
        row = model.model_validate(content)
    except ValidationError as error:
        raise InvalidInput(_complaint(error.errors(), model, where)) from error
    for name in content:
        if name not in model.model_fields and name not in unread:
            near = get_close_matches(name[:_SHOWN], model.model_fields, n=1)
            remedy = f"did you mean `{near[0]}`?" if near else "take it out."
            raise InvalidInput(f"{where}: {name[:_SHOWN]!r} is not a field that an import reads; {remedy}")
    return row


def _complaint(errors: list[ErrorDetails], model: type[QuestionRow], where: str) -> str:
    """The sentence about the first field that has an error."""
    name = errors[0]["loc"][0]
    if errors[0]["type"] == "missing":
        needed = [f"`{name}`" for name, field in model.model_fields.items() if field.is_required()]
        return f"{where}: there is no `{name}`; {' and '.join(needed)} must be there."
    places = [(error, [part for part in error["loc"] if type(part) is int]) for error in errors if name in error["loc"]]
    deepest = max((place for _, place in places), key=len)  # of the alternatives of a union, what read furthest
    found = _sentence([error for error, place in places if place == deepest])
    if deepest and found.endswith("null") and not model.model_fields[name].is_required():
        found += f"; give all of them or leave `{name}` out"
    entry = ", answer {}, entry {}" if len(deepest) == 2 else ", entry {}" * len(deepest)
    return f"{where}, `{name}`{entry.format(*(i + 1 for i in deepest))}: {found}."


_WANTED = {"string_type": "a text", "list_type": "a list", "int_type": "a whole number", "float_type": "a number"}
_SENTENCES = {
    "finite_number": "it must be a finite number",
    "string_unicode": "it holds half of a surrogate pair; write the whole character",
}


def _sentence(errors: list[ErrorDetails]) -> str:
    """What is wrong with a value, from the errors of everything that it could have been."""
    first = next((error for error in errors if error["type"] not in _WANTED), errors[0])
    kind, value = first["type"], first["input"]
    if kind in _WANTED:
        said = "one of hundreds of digits" if kind == "float_type" and type(value) is int else kind_of(value)
        return f"it must be {' or '.join(_WANTED[error['type']] for error in errors)}, not {said}"
    if kind == "literal_error":
        said = repr(value[:_SHOWN]) if isinstance(value, str) else kind_of(value)
        return f"it must be {first['ctx']['expected']}, not {said}"
    if kind == "string_too_long":
        return f"it has {len(value):,} characters and the limit is {first['ctx']['max_length']:,}; cut it"
    return _SENTENCES.get(kind, first["msg"])
