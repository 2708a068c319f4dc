import csv
import json
import sys
from types import SimpleNamespace

import pytest

from homog_core import files
from homog_core.catalogue.datasets import DATASETS
from homog_core.errors import HomogError, InvalidInput, NotFound
from homog_core.runs import dataset_files
from homog_core.runs.dataset_files import dataset_file
from homog_core.runs.questions import load_questions, question_ids_sha256, typed_question

TRUTHFULQA_COLUMNS = [
    "Type",
    "Category",
    "Question",
    "Best Answer",
    "Best Incorrect Answer",
    "Correct Answers",
    "Incorrect Answers",
    "Source",
]
# What each hub repository gives for one question, and what becomes of it.
HUB_ROWS = {
    "truthfulqa": {
        "type": "Adversarial",
        "category": "Misconceptions",
        "question": "What if I swallow gum?",
        "best_answer": "It passes through",
        "correct_answers": ["Nothing; really", "It passes through"],
        "incorrect_answers": ["It stays for seven years"],
    },
    "gsm8k": {"question": "How many?", "answer": "500 * 2 = <<500*2=1000>>1000\n#### 1,000"},
    "webquestions": {"url": "http://…", "question": "who?", "answers": ["A", "B"]},
    "hotpotqa": {"id": "5a7a", "question": "Which?", "answer": "flotilla", "type": "bridge", "level": "hard"},
    "triviaqa": {
        "question": "Who?",
        "question_id": "tc_2",
        "answer": {"value": "Sunset Blvd", "aliases": ["Sunset Boulevard", "Sunset Blvd"]},
    },
}
HUB_REFERENCES = {
    "truthfulqa": ("It passes through", "Nothing; really"),
    "gsm8k": ("1000",),
    "webquestions": ("A", "B"),
    "hotpotqa": ("flotilla",),
    "triviaqa": ("Sunset Blvd", "Sunset Boulevard"),
}


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder that dataset files are found in before any other."""
    monkeypatch.setenv("HOMOG_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def nothing_on_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "dataset_folders", lambda: [tmp_path])


def write_csv(path, columns, *rows):
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([columns, *rows])
    return str(path)


def write_jsonl(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return str(path)


# The published files


def test_truthfulqa(data):
    row = ["Adversarial", "Misconceptions", "What if I swallow gum?", "It passes through", "It stays"]
    write_csv(
        data / "truthfulqa.csv",
        TRUTHFULQA_COLUMNS,
        [*row, "Nothing, really; It passes through", "It stays; It sticks", "https://…"],
    )

    (question,) = load_questions("truthfulqa")

    assert question.text == "What if I swallow gum?"
    assert question.references == ("It passes through", "Nothing, really")  # the best first, and once
    assert question.incorrect_references == ("It stays", "It sticks")
    assert (question.dataset, question.category, question.answer_type) == ("truthfulqa", "Misconceptions", "text")


@pytest.mark.parametrize(("answer", "number"), [("16 - 7 = 9\n#### 9", "9"), ("#### 1,250", "1250"), ("#### -3", "-3")])
def test_gsm8k(data, answer, number):
    write_jsonl(data / "gsm8k_test.jsonl", {"question": "How many?", "answer": answer})

    (question,) = load_questions("gsm8k")

    assert (question.text, question.references, question.answer_type) == ("How many?", (number,), "number")


def test_webquestions(data):
    write(data / "webquestions_test.json", '[{"qId": "wqs0", "answers": ["A", "B"], "qText": "who?"}]')

    (question,) = load_questions("webquestions")

    assert (question.text, question.references) == ("who?", ("A", "B"))


def test_hotpotqa(data):
    row = {"_id": "5a7a", "answer": "flotilla", "question": "Which?", "type": "bridge", "context": [["a", ["b"]]]}
    write(data / "hotpotqa_100.json", json.dumps([row]))

    (question,) = load_questions("hotpotqa")

    assert (question.id, question.text, question.references) == ("hotpotqa-5a7a", "Which?", ("flotilla",))
    assert question.category == "bridge"


def test_triviaqa(data):
    write_jsonl(data / "triviaqa.jsonl", HUB_ROWS["triviaqa"])

    (question,) = load_questions("triviaqa")

    assert (question.id, question.references) == ("triviaqa-tc_2", ("Sunset Blvd", "Sunset Boulevard"))


@pytest.mark.parametrize(("name", "size"), [("truthfulqa", 790), ("gsm8k", 1319)])
def test_the_real_files_are_read_whole(name, size):
    if dataset_file(DATASETS[name]) is None:
        pytest.skip(f"{name} is not on this machine")

    found = load_questions(name)

    assert len({question.id for question in found}) == len(found) == size
    assert all(question.references for question in found)


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("gsm8k", {"question": "How many?", "answer": "nine"}, "line 2: the answer has no number after `####`"),
        ("gsm8k", {"answer": "#### 9"}, "line 2: `question` is missing or empty"),
        ("triviaqa", {"question": "Who?", "answer": "me"}, "line 2: the answer has no `value`"),
        ("triviaqa", {"question": " ", "answer": {"value": "me"}}, "line 2: `question` is missing or empty"),
    ],
)
def test_a_published_file_with_a_bad_row_is_refused(data, name, row, message):
    file = DATASETS[name].files[0]
    write_jsonl(data / file, HUB_ROWS[name], row)

    with pytest.raises(InvalidInput, match=f"{file}, {message}"):
        load_questions(name)


@pytest.mark.parametrize("text", ["[{", '{"qText": "who?", "answers": []}', '["who?"]'])
def test_a_published_json_file_that_does_not_read_is_refused_by_name(data, text):
    write(data / "webquestions_test.json", text)

    with pytest.raises(InvalidInput, match=r"webquestions_test\.json"):
        load_questions("webquestions")


# Own files


def test_own_csv(tmp_path):
    name = write_csv(
        tmp_path / "Own Set.csv",
        ["id", "question", "references", "incorrect_references", "category", "answer_type"],
        ["q7", " Why,\nthough? ", "Because; So ;", "Never", "misc", "text"],
        ["", "How many?", "3", "", "", "number"],
    )

    first, second = load_questions(name)

    assert (first.id, first.dataset, first.text) == ("q7", "Own Set", "Why,\nthough?")
    assert (first.references, first.incorrect_references) == (("Because", "So"), ("Never",))
    assert (first.category, first.answer_type) == ("misc", "text")
    assert (second.references, second.incorrect_references, second.answer_type) == (("3",), (), "number")
    assert second.id.startswith("own-set-")  # made from the question


def test_own_csv_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("question\nWhy?\n", encoding="utf-8-sig")

    assert [question.text for question in load_questions(str(path))] == ["Why?"]


def test_own_jsonl(tmp_path):
    name = write(
        tmp_path / "own.jsonl",
        '{"question": "Why?", "references": ["a; b", 3]}\n\n{"question": "How?", "references": "a; b"}\n',
    )

    first, second = load_questions(name)

    assert first.references == ("a; b", "3")  # a list is taken as it is
    assert second.references == ("a", "b")  # a text is split at semicolons


def test_a_made_id_depends_on_the_question_alone(tmp_path):
    alone = load_questions(write_jsonl(tmp_path / "own.jsonl", {"question": "Why?"}))
    beside = load_questions(write_jsonl(tmp_path / "own.jsonl", {"question": "How?"}, {"question": "Why?"}))

    assert alone[0].id == beside[1].id != beside[0].id


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("own.csv", "text\nWhy?\n", "own.csv, line 2: there is no column `question`"),
        ("own.csv", "question\nWhy?\n  \n", "own.csv, line 3: the question is empty"),
        ("own.csv", "question,id\nWhy?\n", "own.csv, line 2: the row does not have the 2 columns"),
        ("own.csv", "question\nWhy?,really\n", "own.csv, line 2: the row does not have the 1 columns"),
        ("own.csv", 'question\n"Why?" not\n', "own.csv, line 2: "),
        ("own.csv", 'question\nWhy?\n\n\n"How?" not\n', "own.csv, line 5: "),  # blank lines count
        ("own.csv", "question,answer_type\nWhy?,date\n", "own.csv, line 2: .*answer_type 'date'"),
        ("own.csv", "question\n", "holds no questions"),
        ("own.csv", "", "holds no questions"),
        ("own.jsonl", '{"question": "Why?"}\n\n{"text": "How?"}\n', "own.jsonl, line 3: there is no column `question`"),
        ("own.jsonl", '{"question": "Why?"}\n{"question":\n', "own.jsonl, line 2: this is not JSON"),
        ("own.jsonl", '"Why?"\n', "own.jsonl, line 1: a row must be a JSON object, not a text"),
        (
            "own.jsonl",
            '{"question": "Why?", "question": "How?"}\n',
            "own.jsonl, line 1: the field 'question' is there tw",
        ),
        ("own.jsonl", "[" * 100_000, "own.jsonl, line 1: this is not JSON"),
        ("own.csv", "question,id,id\nWhy?,1,2\n", "own.csv, line 1: the column 'id' is there twice; keep one"),
        ("own.jsonl", '{"question": ["Why?"]}\n', "own.jsonl, line 1: the question is empty"),
        (
            "own.jsonl",
            '{"question": "Why?", "references": {"a": 1}}\n',
            "own.jsonl, line 1: `references` must be a text or a list of texts",
        ),
    ],
)
def test_a_complaint_names_the_file_and_the_line(tmp_path, file, text, message):
    with pytest.raises(InvalidInput, match=message):
        load_questions(write(tmp_path / file, text))


def test_a_complaint_is_made_once(tmp_path):
    name = write(tmp_path / "own.jsonl", '{"question": "Why?", "references": {"a": 1}}\n')

    with pytest.raises(InvalidInput) as caught:
        load_questions(name)

    assert str(caught.value).count("line 1") == 1


@pytest.mark.parametrize("file", ["own.csv", "own.jsonl"])
def test_a_file_that_is_not_utf_8_is_refused(tmp_path, file):
    lines = {"own.csv": "question\nOù?\n", "own.jsonl": '{"question": "Why?"}\n{"question": "Où?"}\n'}
    (tmp_path / file).write_bytes(lines[file].encode("latin-1"))

    with pytest.raises(InvalidInput, match=f"{file}, line 2: this is not UTF-8 text; save it as UTF-8"):
        load_questions(str(tmp_path / file))


def test_two_questions_under_one_id_are_refused(tmp_path):
    name = write_jsonl(tmp_path / "own.jsonl", {"id": "q1", "question": "Why?"}, {"id": "q1", "question": "How?"})

    with pytest.raises(InvalidInput, match="id 'q1' stands for two different questions"):
        load_questions(name)


def test_the_same_question_twice_counts_once(tmp_path):
    name = write_jsonl(tmp_path / "own.jsonl", {"question": "Why?"}, {"question": "How?"}, {"question": "Why?"})

    assert [question.text for question in load_questions(name)] == ["Why?", "How?"]


def test_an_id_may_be_a_number(tmp_path):
    name = write_jsonl(tmp_path / "own.jsonl", {"id": 0, "question": "Why?"}, {"id": 1, "question": "How?"})

    assert [question.id for question in load_questions(name)] == ["0", "1"]


def test_limit_and_shuffle(tmp_path):
    name = write_jsonl(tmp_path / "own.jsonl", *({"id": f"q{i}", "question": f"What is {i}?"} for i in range(20)))

    def ids(**options):
        return [question.id for question in load_questions(name, **options)]

    assert ids(limit=2) == ["q0", "q1"]
    assert len(ids(limit=99)) == 20
    assert ids(shuffle_seed=1) == ids(shuffle_seed=1) != ids(shuffle_seed=2)
    assert ids(shuffle_seed=1, limit=5) == ids(shuffle_seed=1)[:5]
    assert sorted(ids(shuffle_seed=1)) == sorted(ids())


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_1_is_refused(tmp_path, limit):
    name = write_jsonl(tmp_path / "own.jsonl", {"question": "Why?"})

    with pytest.raises(InvalidInput, match=f"The limit is {limit}; it must be at least 1"):
        load_questions(name, limit=limit)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("trivia", "no dataset 'trivia'. Give one of starter, facts, draws, truthfulqa"),
        ("missing.csv", "no file missing.csv"),
    ],
)
def test_an_unknown_name_is_not_found(name, message):
    with pytest.raises(NotFound, match=message):
        load_questions(name)


# The hub


@pytest.mark.parametrize("name", HUB_ROWS)
def test_rows_of_the_hub_go_through_the_same_readers(name, monkeypatch, nothing_on_disk):
    monkeypatch.setattr(dataset_files, "_hub_rows", lambda spec: enumerate([HUB_ROWS[spec.key]], start=1))

    (question,) = load_questions(name)

    assert question.text == HUB_ROWS[name]["question"]
    assert question.references == HUB_REFERENCES[name]


def test_a_question_has_the_same_id_from_the_file_and_from_the_hub(data, monkeypatch):
    write(data / "webquestions_test.json", '[{"qId": "wqs0", "answers": ["A", "B"], "qText": "who?"}]')
    (from_file,) = load_questions("webquestions")
    monkeypatch.setattr(dataset_files, "dataset_file", lambda spec: None)
    monkeypatch.setattr(dataset_files, "_hub_rows", lambda spec: enumerate([HUB_ROWS["webquestions"]], start=1))

    (from_hub,) = load_questions("webquestions")

    assert from_hub == from_file


def test_the_hub_is_asked_for_the_split_of_the_catalogue(monkeypatch, nothing_on_disk):
    asked = []

    def load_dataset(*arguments, **options):
        asked.append((arguments, options))
        return [HUB_ROWS["triviaqa"]]

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))

    load_questions("triviaqa")

    assert asked == [(("mandarjoshi/trivia_qa", "rc.nocontext"), {"split": "validation"})]


def test_offline_the_remedy_is_named(monkeypatch, nothing_on_disk):
    def load_dataset(*arguments, **options):
        raise ConnectionError("no route to host")

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))

    with pytest.raises(HomogError) as caught:
        load_questions("triviaqa")

    assert str(caught.value) == (
        "TriviaQA is not on this machine and could not be read from the hub (ConnectionError). Put triviaqa.jsonl "
        "into a folder and name that folder in HOMOG_DATA, or connect to the network."
    )


def test_without_the_package_datasets_the_command_is_named(monkeypatch, nothing_on_disk):
    monkeypatch.setitem(sys.modules, "datasets", None)  # makes the import fail

    with pytest.raises(HomogError, match="run `pip install datasets`"):
        load_questions("triviaqa")


def test_our_own_set_is_not_on_the_hub(nothing_on_disk):
    with pytest.raises(NotFound, match=r"The file of Starter set \(ours\) is missing: starter.jsonl"):
        load_questions("starter")


# Single questions


def test_a_typed_question_is_known_by_its_words():
    question = typed_question("  Why \n not? ")

    assert question.text == "Why not?"
    assert question.id == typed_question("Why not?").id != typed_question("Why?").id
    assert question.dataset == "live"


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_typed_question_is_refused(text):
    with pytest.raises(InvalidInput, match="has no text"):
        typed_question(text)


def test_the_hash_of_a_set_of_questions_does_not_depend_on_its_order():
    why, how = typed_question("Why?"), typed_question("How?")

    assert (
        question_ids_sha256([why.id, how.id]) == question_ids_sha256([how.id, why.id]) != question_ids_sha256([why.id])
    )


def test_half_of_a_surrogate_pair_is_no_traceback(tmp_path):
    path = tmp_path / "own.jsonl"
    path.write_text('{"question": "\\ud83d\\ude00 Why?", "references": ["a\\udfff"]}\n{"question": "\\ud800 How?"}\n')
    first, second = load_questions(str(path))
    assert (first.text, first.references, second.text) == ("😀 Why?", ("a?",), "? How?")
