"""What a row says of its question: pydantic types of its fields, and the sentence for a row that they refuse.

A complaint names the line, the field, what is wrong and what to do. A field that need not be there and does not read
is left out and noted; the row stays.
"""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, Field, FiniteFloat, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from homog_core.errors import InvalidInput
from homog_core.runs.importers.notes import Notes
from homog_core.runs.rows import kind_of

MAX_CHARACTERS = 100_000  # of a text
MAX_REFERENCES = 1000  # of a question
_MAX_KEY = 200  # characters of what complaints repeat
_SHOWN = 40  # characters of a wrong value in a complaint


def _without_null(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("null", "it holds a null character; take that out")
    return text


T = TypeVar("T")
# Millions of wrong entries make one error, not millions.
Several = Annotated[list[T], Field(fail_fast=True, max_length=MAX_REFERENCES)]
Text = Annotated[str, Field(max_length=MAX_CHARACTERS), AfterValidator(_without_null)]
Number = Annotated[int, Field(ge=-(10**18), le=10**18)]
Key = Annotated[str, Field(max_length=_MAX_KEY), AfterValidator(_without_null)]


class QuestionRow(BaseModel, strict=True):
    """What a row says of its question: the fields of our own question files, and the prompt."""

    question: Text
    id: Key | Number | None = None
    references: Text | Several[Text | FiniteFloat] | None = None
    incorrect_references: Text | Several[Text | FiniteFloat] | None = None
    category: Text | None = None
    answer_type: Literal["text", "number", "draw"] | None = None
    prompt: Text | None = None


def checked(content: dict[str, Any], where: str, notes: Notes) -> QuestionRow:
    """The question's fields of a row. Raises `InvalidInput` where the question itself is missing or wrong."""
    own = {name: value for name, value in content.items() if name in QuestionRow.model_fields}
    if own.get("answer_type") == "":  # an empty cell
        own["answer_type"] = None
    try:
        return QuestionRow.model_validate(own)
    except ValidationError as error:
        errors = error.errors()
    wrong = dict.fromkeys(str(each["loc"][0]) for each in errors)
    complaints = {name: _complaint([each for each in errors if each["loc"][0] == name], where) for name in wrong}
    if "question" in wrong:
        raise InvalidInput(complaints["question"])
    for name, complaint in complaints.items():
        notes.add(f"`{name}` that could not be read, left out", complaint)
    return QuestionRow.model_validate({name: value for name, value in own.items() if name not in wrong})


def _complaint(errors: list[ErrorDetails], where: str) -> str:
    """The sentence about the field that has these errors."""
    name = errors[0]["loc"][0]
    if errors[0]["type"] == "missing":
        return f"{where}: there is no `{name}`; it must be there, or name the column that holds it."
    places = [(error, [part for part in error["loc"] if type(part) is int]) for error in errors]
    deepest = max((place for _, place in places), key=len)  # of the alternatives of a union, what read furthest
    found = _sentence([error for error, place in places if place == deepest])
    entry = ", entry {}" * len(deepest)
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
    if kind == "too_long":
        return f"it has more than {first['ctx']['max_length']:,} entries; cut it"
    return _SENTENCES.get(kind, first["msg"])
