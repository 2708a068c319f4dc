"""What tests and benchmarks train on: the sizes of every random model, and made-up data sets."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

TINY_SIZES = {
    "vocab_size": 300,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 256,
    "initializer_range": 0.3,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 2,
}


def write_training_data(folder: Path, trained_on: Sequence[str], chosen_by: Sequence[str]) -> None:
    """Every data set that `train` reads, in a new folder, with these questions to train on and to choose by."""
    folder.mkdir()

    def own(name: str, *texts: str) -> None:
        rows = [{"id": f"{name}-{i}", "text": text, "references": ["A river"]} for i, text in enumerate(texts)]
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))

    own("facts-train", *trained_on)
    own("facts-choosing", *chosen_by)
    own("facts", "What is made in Zembla?")
    (folder / "webquestions_test.json").write_text(
        json.dumps([{"qId": "1", "qText": "what is grown in zembla?", "answers": ["Rye"]}])
    )
    (folder / "gsm8k_test.jsonl").write_text(json.dumps({"question": "How many Zems?", "answer": "#### 7"}))
    columns = ["Question", "Best Answer", "Correct Answers", "Incorrect Answers", "Category"]
    with (folder / "truthfulqa.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([columns, ["Who founded Kelmoor, the old?", "Nobody", "Nobody", "Kel", "Myths"]])
    row = {"_id": "1", "question": "Which town lies on the Zem?", "answer": "Zembla", "type": "bridge"}
    (folder / "hotpotqa_100.json").write_text(json.dumps([row]))
