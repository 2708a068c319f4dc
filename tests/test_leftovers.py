"""What is no part of an answer: reasoning, special tokens, marks of word pieces."""

import unicodedata

import pytest
from growth import LINEAR, growth
from hypothesis import given
from hypothesis import strategies as st

from homog_core.errors import InvalidInput
from homog_core.leftovers import Leftovers, Removed, answer_start, answer_text, opened_block, reasoning_marks, removed

TAGS = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<seed:think>", "</seed:think>"),
    ("<THINK>", "</THINK>"),
    ("<think >", "</think >"),
    ("<reasoning>", "</reasoning>"),
    ("<reasoning_content>", "</reasoning_content>"),
    ("<thought>", "</thought>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<|thinking|>", "<|/thinking|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<unused94>thought", "<unused95>"),
    ("<|channel>thought", "<channel|>"),
    ("<|channel|>analysis<|message|>", "<|end|>"),
]
each_tag = pytest.mark.parametrize(("opening", "closing"), TAGS, ids=[opening for opening, _ in TAGS])


@each_tag
@pytest.mark.parametrize("thought", ["", "It has fur.", "\nA cat?\n\nNo.\n", "<b>", "x < 3"])
def test_a_block_of_reasoning_goes(opening, closing, thought):
    for before in ("", " \n", "<s>", "<|im_start|>assistant\n"):
        assert answer_text(f"{before}{opening}{thought}{closing}\n\nA fox. ") == "A fox."


@pytest.mark.parametrize("said", ["final <|constrain|>json", "final<|constrain|>json", "final "])
def test_the_format_that_harmony_names_before_an_answer_goes(said):
    text = f'<|channel|>{said}<|message|>{{"a": 1}}<|return|>'
    assert answer_text(text) == '{"a": 1}'
    assert removed(text) == Removed(False, True, False)


@each_tag
def test_every_block_before_the_answer_goes(opening, closing):
    block = f"{opening}a cat?{closing}"
    assert answer_text(f"{block}\n{block}A fox.") == "A fox."
    assert answer_text(f"<think>a dog?</think> {block} A fox.") == "A fox."


@each_tag
def test_a_block_that_never_closes_leaves_nothing(opening, closing):
    text = f"{opening}It has fur. A fox."
    assert answer_text(text) == ""
    assert answer_start(text) == len(text)
    assert answer_text(f"{opening}a{closing}{opening}A fox.") == ""


@each_tag
def test_reasoning_that_the_template_has_opened(opening, closing):
    """Only the closing tag is part of the text; that of a word which an answer may hold tells nothing."""
    text = f"It has fur.\n{closing}\n\nA fox."
    tells = closing not in ("<|end|>", "</reasoning>", "</reasoning_content>", "</thought>", "</scratchpad>")
    assert answer_text(text) == ("A fox." if tells else text)


def test_after_the_last_closing_tag_the_answer_begins():
    assert answer_text("It has fur.</think>A cat?</think>A fox.") == "A fox."
    assert answer_text("</think>A fox.") == "A fox."
    assert answer_text("It has fur.</think>") == ""


@pytest.mark.parametrize(
    "text",
    [
        "The tag is <think>, closed by </think>.",  # not at the beginning
        "A fox. <think>It has fur.</think>",
        "A fox <thinking> of geese",
        "3 < 4, and [THINKING] is no tag",
        "<b>A fox.</b>",
    ],
)
def test_tags_inside_an_answer_stay(text):
    assert answer_text(text) == text
    assert answer_start(text) == 0


def test_a_block_inside_a_block_goes_with_it():
    assert answer_text("<think>a<think>b</think>c</think>A fox.") == "A fox."
    assert answer_text("<think>Is <think> a tag?</think>A fox.") == "A fox."  # not in pairs
    assert answer_text("<think>a<thinking>b</thinking>c</think>A fox.") == "A fox."


@pytest.mark.parametrize(
    "text",
    [
        "<|begin_of_thought|>hm<|end_of_thought|><|begin_of_solution|>A fox.<|end_of_solution|>",
        "<|START_THINKING|>hm<|END_THINKING|><|START_RESPONSE|>A fox.<|END_RESPONSE|>",
        "<think>hm</think>\n\n<answer>A fox.</answer>",
        "Here are my steps.\n[BEGIN FINAL RESPONSE]A fox.[END FINAL RESPONSE]",
        "<|begin_of_text|><|start_header_id|>assistant<|end_header_id|>\n\nA fox.",
        "A fox.<｜end▁of▁sentence｜>",
    ],
)
def test_the_frame_of_an_answer_goes(text):
    assert answer_text(text) == "A fox."


def test_only_the_blocks_at_the_beginning_go():
    assert answer_text("<think>a</think>b</think>c") == "b</think>c"
    assert answer_text("<think>a</think>b <think>c</think> d") == "b <think>c</think> d"


def test_the_final_channel_of_harmony():
    analysis = "<|channel|>analysis<|message|>It has fur.<|end|>"
    final = "<|start|>assistant<|channel|>final<|message|>"
    assert answer_text(f"{analysis}{final}A fox.") == "A fox."
    assert answer_text(f"<|start|>assistant{analysis}{final}A fox.<|return|>") == "A fox."
    assert answer_text("<|channel|>final<|message|>A fox.") == "A fox."
    commentary = "<|start|>assistant<|channel|>commentary<|message|>I look at its fur.<|end|>"
    assert answer_text(f"{analysis}{commentary}{final}A fox.") == "A fox."
    assert answer_text(f"{analysis}{commentary[:-7]}") == ""


@pytest.mark.parametrize(
    "cut",
    ["<|channel|>", "<|channel|>anal", "<|channel|>analysis", "<|start|>", "<|start|>assistant", "<|channel|>final"],
)
def test_a_harmony_channel_that_is_cut_in_its_name_leaves_nothing(cut):
    analysis = "<|channel|>analysis<|message|>It has fur.<|end|>"
    assert answer_text(cut) == ""
    assert answer_text(analysis + cut) == ""


@each_tag
def test_the_block_that_a_prompt_has_opened(opening, closing):
    for behind in ("", "\n", " \n\n"):
        assert opened_block(f"Why?<|im_end|>\nassistant\n{opening}{behind}") == f"{opening}{behind}"
    assert opened_block(f"{opening}\n\n{closing}\n\n") == ""
    assert opened_block(f"What does {opening} mean?") == ""


def test_special_tokens_that_tell_reasoning_from_the_answer():
    assert reasoning_marks(["<s>", "</s>", "<|im_end|>", "<|end|>", "<|start|>"]) == set()
    assert reasoning_marks(["</s>", "<think>", "</think>"]) == {"<think>", "</think>"}
    assert reasoning_marks(["<|channel>", "<channel|>", "<eos>"]) == {"<|channel>", "<channel|>"}
    harmony = {"<|start|>", "<|channel|>", "<|message|>", "<|end|>"}
    assert reasoning_marks([*harmony, "<|return|>", "<|call|>", "<|endoftext|>"]) == harmony


# Special tokens and word pieces


@pytest.mark.parametrize(
    "mark",
    ["</s>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<eos>", "<pad>", "<end_of_turn>", "<|return|>", "[/INST]"],
)
def test_special_tokens_at_the_ends_go(mark):
    assert answer_text(f"Madrid{mark}") == "Madrid"
    assert answer_text(f"Madrid {mark}\n{mark}") == "Madrid"
    assert answer_text(f"<s>{mark} Madrid") == "Madrid"
    assert answer_text(mark) == ""


@pytest.mark.parametrize(
    "text", ["Madrid</s>Lisbon", "The mark <|im_end|> ends it.", "a <s> b", "x | y |> z", "</section>"]
)
def test_special_tokens_inside_and_others_stay(text):
    assert answer_text(text) == text


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("▁Madrid", "Madrid"),
        ("▁The▁Prado▁is▁old", "The Prado is old"),
        ("ĠMadrid", "Madrid"),
        ("ĠThe ĠPrado", "The Prado"),
        ("MadridĊLisbon", "Madrid\nLisbon"),
        ("ĊĊ", ""),
        ("▁", ""),
        ("Ġgantija", "Ġgantija"),  # a letter of Maltese
        ("The ĠPrado", "The Prado"),
        ("raġel", "raġel"),
        ("snake_case", "snake_case"),
        ("Mad@@ rid</w>", "Madrid"),
        ("Madrid<0x0A>Lisbon", "Madrid\nLisbon"),
        ("a@@b", "a@@b"),
    ],
)
def test_marks_of_word_pieces(text, answer):
    assert answer_text(text) == answer


@pytest.mark.parametrize("text", ["Ma\u0301laga", "Málaga", "ñandu\u0301", "\u1100\u1161"])
def test_an_answer_is_composed(text):
    assert answer_text(text) == unicodedata.normalize("NFC", text)
    assert len(answer_text(text)) < len(unicodedata.normalize("NFD", text))


@pytest.mark.parametrize("text", ["½ cup", "ﬁne", "m²", "北京。", "باريس", "👍", "a  b\nc"])
def test_nothing_else_of_a_text_is_changed(text):
    assert answer_text(text) == text


@pytest.mark.parametrize("text", ["", " \n\t", "\u00a0"])
def test_no_text_has_no_answer(text):
    assert answer_text(text) == ""


# A rule of a run

OWN = Leftovers(reasoning=(("<plan>", "</plan>"), ("(+", "+)")), prefixes=("### Response:", "A:"))


@pytest.mark.parametrize(
    "text",
    [
        "<plan>It has fur.</plan>A fox.",
        "(+ fur +) (+ and a tail +)\nA fox.",
        "It has fur.</plan>\nA fox.",
        "### Response:\nA fox.",
        "A: <s><plan>fur</plan><think>tail</think> ### Response: A fox.</s>",
        "A: A: A fox.",
        "A fox.",
    ],
)
def test_marks_of_a_run_are_left_out_beside_those_that_are_known(text):
    assert answer_text(text, OWN) == "A fox."


def test_marks_of_a_run_count_where_reasoning_counts_alone():
    assert answer_text("A fox. ### Response: B", OWN) == "A fox. ### Response: B"
    assert answer_text("<plan>It has fur.", OWN) == ""
    assert answer_text("<plan>a<plan>b</plan>c</plan>A fox.", OWN) == "A fox."
    assert answer_text("<plan>It has fur.</plan>A fox.") == "<plan>It has fur.</plan>A fox."  # without the rule
    assert answer_text("[x]A fox.", Leftovers(prefixes=("[",))) == "x]A fox."  # no pattern


def test_what_a_rule_removes_is_counted_by_kind():
    assert removed("A: <plan>fur</plan><s>A fox.", OWN) == Removed(True, True, False, True)
    assert removed("A: A fox.", OWN) == Removed(False, False, False, True)
    assert removed("<plan>A: fur</plan>A fox.", OWN) == Removed(True, False, False, False)


@pytest.mark.parametrize("text", ["<think>fur</think>A fox.</s>", "ĠA ĠfoxĠ", "", "<think>"])
def test_texts_that_are_kept_count_as_they_are(text):
    kept = Leftovers(are_kept=True)
    assert (answer_text(f" {text}\n", kept), answer_start(text, kept)) == (text, 0)
    assert not any(removed(text, kept))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reasoning": (("", "x"),)}, "'' is no mark that can be left out; give 1 to 200 characters"),
        ({"reasoning": (("**plan**", "**"),)}, "'\\*\\*plan\\*\\*' and '\\*\\*' cannot be told apart"),
        ({"prefixes": (" A:",)}, "' A:' is no mark"),
        ({"prefixes": ("x" * 201,)}, "is no mark"),
        ({"prefixes": tuple(map(str, range(21)))}, "more than 20 marks"),
        ({"prefixes": ("A:",), "are_kept": True}, "give one or the other"),
    ],
)
def test_a_rule_that_cannot_be_gets_one_sentence(options, message):
    with pytest.raises(InvalidInput, match=message):
        Leftovers(**options)


# Both together


ENDS = ["</s>", "<|im_end|>", " ", "\n"]
PARTS = ["fox", "é", ".", "<s>", *ENDS, "<think>", "[THINK]"]


@given(st.lists(st.sampled_from([*PARTS, "</think>", "[/THINK]"]), max_size=12).map("".join))
def test_an_answer_is_what_stands_behind_its_start(text):
    start, answer = answer_start(text), answer_text(text)
    assert 0 <= start <= len(text)
    assert answer in text[start:]
    assert not answer.startswith((" ", "\n")) and not answer.endswith(tuple(ENDS))
    assert bool(answer) == bool(text[start:].strip())  # special tokens alone are before the start, not behind it


@given(st.lists(st.sampled_from(PARTS), max_size=12).map("".join))
def test_reasoning_before_an_answer_changes_nothing_of_it(text):
    assert answer_text(f"<think>\nhm\n</think>{text}") == answer_text(text)


@pytest.mark.parametrize(
    ("text", "size", "answer"),
    [
        (lambda n: f"<think>{'hm ' * n}</think>A fox.", 50_000, "A fox."),
        (lambda n: f"{'hm ' * n}</think>A fox.", 50_000, "A fox."),
        (lambda n: f"A fox.{' </s>' * n}", 5_000, "A fox."),
        (lambda n: "<think></think>" * n + "A fox.", 2_000, "A fox."),
        (lambda n: "<think>" * n + "A fox.", 25_000, ""),
        (lambda n: "<think><think></think>" * n + "A fox.", 500, None),
    ],
    ids=["a block", "a closing tag", "special tokens", "empty blocks", "opening tags", "blocks that do not close"],
)
def test_twice_as_much_reasoning_takes_twice_as_long(text, size, answer):
    found = answer_text(text(size))
    assert found == answer or (answer is None and found.endswith("A fox."))
    assert growth(lambda n: answer_text(text(n)), size) < LINEAR


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Mars.", ()),
        ("<think>hot</think>Mars.", ("reasoning",)),
        ("It is hot.\n</think>\n\nMars.", ("reasoning",)),
        ("<think>it never ends", ("reasoning",)),
        ("<s><think>hot</think>Mars.</s>", ("reasoning", "special_tokens")),
        ("<|channel|>commentary<|message|>hot<|end|>Mars.", ("reasoning",)),
        ("Mars<|im_end|>", ("special_tokens",)),
        ("It is▁Mars", ("piece_marks",)),
        ("ĠMars", ("piece_marks",)),
        ("Ġgantija", ()),  # a Maltese word
        ("The tag <think> stays where it is.", ()),
    ],
)
def test_what_is_left_out_is_told_by_kind(text, kinds):
    assert tuple(name for name, found in removed(text)._asdict().items() if found) == kinds
