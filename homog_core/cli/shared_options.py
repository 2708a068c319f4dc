"""Options that several commands take."""

import argparse


def leftovers_options(sub: argparse.ArgumentParser) -> None:
    """What is left out of texts before answers are shown, compared and graded."""
    sub.add_argument(
        "--reasoning",
        action="append",
        nargs=2,
        default=[],
        metavar=("OPEN", "CLOSE"),
        help="marks of reasoning before answers, beside those that are known; may be repeated",
    )
    sub.add_argument(
        "--prefix",
        action="append",
        default=[],
        metavar="TEXT",
        help="what stands before answers and is left out, as '### Response:'; may be repeated",
    )
    sub.add_argument(
        "--leftovers",
        choices=("usual", "keep"),
        help="keep: texts count as they are; usual: reasoning, special tokens and marks of word pieces are left out "
        "(default: as the run says, which is the usual until one of these three options is given)",
    )


def model_options(sub: argparse.ArgumentParser) -> None:
    """The encoders and the NLI model that compare answers."""
    sub.add_argument(
        "--encoder",
        action="append",
        metavar="NAME",
        help="sentence encoder: catalogue key, hub id or local folder; may be repeated, the first one grades "
        "(default: all that are installed)",
    )
    sub.add_argument(
        "--nli", metavar="NAME", help="NLI model, or `none` (default: the first of the catalogue on this machine)"
    )
    sub.add_argument(
        "--judge",
        metavar="MODEL",
        help="chat model that is asked which answers mean the same, one call a question: catalogue key, hub id, local "
        "folder, GGUF file, or openai:NAME behind the server of OPENAI_BASE_URL (default: none)",
    )
    sub.add_argument("--no-context", action="store_true", help="judge answers by NLI without the question before them")
