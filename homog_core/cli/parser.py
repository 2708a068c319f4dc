"""What can be typed: the commands and their options. It imports nothing that computes, so that `--help` is quick."""

import argparse
from collections.abc import Callable
from typing import get_args

from homog_core.cli import catalogue, maps, plan, results, runs, sampling, scoring, selftest, studies, study_run, upkeep
from homog_core.cli.shared_options import leftovers_options, model_options
from homog_core.records import Arithmetic

Command = Callable[[argparse.Namespace], int | None]  # returns the exit status, or None for 0
Add = Callable[[str, Command, str], argparse.ArgumentParser]  # name, command, help


def command_parser(program: str) -> argparse.ArgumentParser:
    """The parser of all commands; `program` is what the help calls the program."""
    parser = argparse.ArgumentParser(prog=program, description="Measure response homogenization in language models.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    add = _adder(commands)
    models = add(
        "models",
        catalogue.list_models,
        "List the models of the catalogue, or of a server, and whether they can be sampled now.",
    )
    models.add_argument(
        "model", nargs="*", help="key, hub id, local folder or GGUF file, to say all that is known of it"
    )
    _server(models)
    add("datasets", catalogue.list_datasets, "List the question sets and where they are.")
    _calibrate(add)
    _sample(add)
    _draws(add)
    _score(add)
    _train(add)
    _selftest(add)
    add("runs", runs.list_runs, "List the stored runs.")
    _show(add)
    _compare(add)
    _map(add)
    _plan(add)
    _report(add)
    _export(add)
    _import(add)
    _transfer(add)
    _study(commands)
    sub = add("strip", runs.strip_run, "Make a run fit to be shared: without its dataset's sentences, without vectors.")
    sub.add_argument("run", help="run id")
    sub = add("delete", runs.delete_run, "Delete runs of your own, after a question; shipped ones stay.")
    sub.add_argument("runs", nargs="+", metavar="RUN", help="run id")
    sub.add_argument("--yes", action="store_true", help="without a question")
    sub = add(
        "seal",
        runs.seal_runs,
        "Write the hashes of all files into the manifests of runs that an older version has made, after a check.",
    )
    sub.add_argument("runs", nargs="+", metavar="RUN", help="run id")
    sub = add("verify", runs.verify_runs, "Check that runs are whole and fit together; all runs when none is named.")
    sub.add_argument("runs", nargs="*", metavar="RUN", help="run id")
    add("doctor", upkeep.doctor, "Say how this machine stands: device, memory, versions, models, runs, leftovers.")
    sub = add("clean", upkeep.clean, "Take away what killed processes have left in the cache, after a question.")
    sub.add_argument("--yes", action="store_true", help="without a question")
    sub = add("prepare", upkeep.prepare, "Compute what pages ask of whole runs; of all runs when none is named.")
    sub.add_argument("runs", nargs="*", metavar="RUN", help="run id")
    return parser


def _adder(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> Add:
    """What adds a command to these."""

    def add(name: str, command: Command, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.set_defaults(command=command)
        sub.add_argument("--json", action="store_true", help="print the result as JSON")
        return sub

    return add


def batch_size(text: str) -> int | None:
    """What `--batch-questions` says; None for auto."""
    return None if text == "auto" else int(text)


def _calibrate(add: Add) -> None:
    sub = add(
        "calibrate",
        scoring.calibrate,
        "Make the clusterers' report cards, thresholds and weights from the pairs that readers compared.",
    )
    sub.add_argument(
        "--dataset", default="starter", help="question set whose references give a second AUC (default: starter)"
    )
    model_options(sub)


def _sample(add: Add) -> None:
    sub = add(
        "sample",
        sampling.sample,
        "Sample a model's answers to a question set into a run, and score it. Resumes.",
    )
    sub.add_argument(
        "--model", required=True, help="catalogue key, hub id, local folder or GGUF file; with --server its name there"
    )
    _server(sub)
    sub.add_argument("--dataset", required=True, help="catalogue key, or a CSV or JSONL file")
    sub.add_argument("--limit", type=int, help="only the first K questions")
    sub.add_argument("--shuffle", type=int, metavar="SEED", help="draw the order from this seed before --limit cuts")
    sub.add_argument(
        "--samples", type=int, default=10, help="answers per question, beside the greedy one (default: 10)"
    )
    sub.add_argument("--temperature", type=float, default=1.0, help="default: 1")
    sub.add_argument("--top-p", type=float, default=1.0, help="default: 1")
    sub.add_argument("--max-new-tokens", type=int, help="token limit of an answer (default: the dataset's, mostly 32)")
    sub.add_argument("--prompt", choices=("plain", "few_shot", "chat"), help="default: the model's own style")
    sub.add_argument("--seed", type=int, default=0, help="default: 0")
    _dtype(sub)
    sub.add_argument(
        "--batch-questions",
        type=batch_size,
        metavar="{K,auto}",
        help="questions decoded together; auto: on a GPU as many as its memory holds, up to 64, on a CPU 4, of a "
        "server as many as it takes requests at once (default: auto)",
    )
    _ray(sub)
    model_options(sub)


def _ray(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--ray",
        nargs="?",
        const="local",
        metavar="ADDRESS",
        help="work on the Ray cluster at this address, as 10.0.0.1:6379; without an address on workers of this "
        "machine. One worker a GPU, or see --cpus-per-worker",
    )
    sub.add_argument("--cpus-per-worker", type=int, metavar="N", help="with --ray: workers of N cores, without GPUs")


def _server(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--server",
        metavar="URL",
        help="of a server that speaks OpenAI's protocol, as http://localhost:8000/v1, or its key in models.toml; what "
        "it wants as a key is read from OPENAI_API_KEY",
    )


def _dtype(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--dtype",
        choices=get_args(Arithmetic),
        help="what the weights are computed in (default: float32 on a CPU, bfloat16 on a GPU; on a GPU without "
        "bfloat16 float16, or float32 for a family that overflows in it); int8: linear layers in integers, on a CPU "
        "with AMX alone, faster and less exact",
    )


def _draws(add: Add) -> None:
    sub = add(
        "draws", sampling.draws, "Say how fairly a model draws from lists (a die, a coin, a weekday), without sampling."
    )
    sub.add_argument("--model", required=True, help="catalogue key, hub id, local folder or GGUF file")
    sub.add_argument(
        "--question",
        action="append",
        metavar="TEXT",
        help="one of your own, its answers after a colon, as 'Pick a fruit: apple, pear, plum'; may be repeated "
        "(default: all questions of the dataset draws)",
    )
    sub.add_argument("--prompt", choices=("plain", "few_shot", "chat"), help="default: the model's own style")
    _dtype(sub)


def _selftest(add: Add) -> None:
    sub = add(
        "selftest",
        selftest.selftest,
        "Check on this machine, in some minutes, that a model is sampled right, and print a report to send.",
    )
    sub.add_argument(
        "--model",
        default="gemma-3-270m",
        help="catalogue key, hub id, local folder or GGUF file (default: gemma-3-270m)",
    )
    sub.add_argument("--prompt", choices=("plain", "few_shot", "chat"), help="default: the model's own style")
    _dtype(sub)


def _score(add: Add) -> None:
    sub = add("score", scoring.score, "Score a stored run again, without sampling.")
    sub.add_argument("run", help="run id")
    model_options(sub)
    leftovers_options(sub)
    sub.add_argument(
        "--threshold", action="append", default=[], metavar="CLUSTERER=T", help="e.g. embedding=0.85; may be repeated"
    )
    sub.add_argument("--rule", choices=("components", "first_member"), default="components", help="how pairs cluster")
    sub.add_argument(
        "--entailment",
        choices=("bidirectional", "non_contradiction", "either"),
        default="bidirectional",
        help="what joins two answers under NLI",
    )
    sub.add_argument("--shipped", action="store_true", help="change a run that ships with the project, if it is one")
    _ray(sub)


def _train(add: Add) -> None:
    sub = add("train", sampling.train, "Train one stage of the chain base → SFT → DPO, or a control. Resumes.")
    sub.add_argument("stage", choices=("sft", "dpo", "sft-continued", "typical", "typical-continued"))
    sub.add_argument("--model", default="gemma-3-270m", help="the base (default: gemma-3-270m)")
    sub.add_argument("--seed", type=int, default=0, help="of the draws, the order and the adapter (default: 0)")
    sub.add_argument("--learning-rate", type=float, help="default: the recipe's")
    sub.add_argument("--epochs", type=float, help="default: the recipe's")
    sub.add_argument("--beta", type=float, help="of dpo and typical; default: the recipe's")
    sub.add_argument("--nll", type=float, help="weight of the preferred answers' likelihood; default: the recipe's")
    sub.add_argument("--smoke", action="store_true", help="a handful of questions and steps, to see that it runs")


def _show(add: Add) -> None:
    sub = add("show", runs.show_run, "Show what a run found, or one of its questions.")
    sub.add_argument("run", help="run id")
    sub.add_argument("--question", help="id of a question: show its answers")


def _compare(add: Add) -> None:
    sub = add(
        "compare",
        results.compare_runs,
        "Compare runs over the same questions: side by side, and paired tests of every two.",
    )
    sub.add_argument("runs", nargs="+", metavar="RUN", help="run id; two or more")
    sub.add_argument("--clusterer", help="e.g. embedding/minilm (default: the one with the best report card)")
    sub.add_argument("--threshold", type=float, help="default: the clusterer's own")


def _map(add: Add) -> None:
    sub = add(
        "map", maps.map_runs, "Put all answers of one to four runs over the same questions on one map, and store it."
    )
    sub.add_argument("runs", nargs="+", metavar="RUN", help="run id; at most four")
    sub.add_argument(
        "--encoder",
        metavar="NAME",
        help="sentence encoder: catalogue key, hub id or local folder (default: minilm)",
    )


def _plan(add: Add) -> None:
    sub = add(
        "plan",
        plan.plan,
        "Say what two runs could have found, and how many questions a study needs and how long it takes.",
    )
    sub.add_argument(
        "runs", nargs="*", metavar="RUN", help="two run ids over the same questions; none: plan by figures"
    )
    sub.add_argument("--clusterer", help="of two runs, e.g. embedding/minilm (default: the best report card)")
    sub.add_argument(
        "--scr", nargs="+", type=float, metavar="RATE", help="single-cluster rates of both models, or of the first one"
    )
    sub.add_argument(
        "--clusters",
        nargs="+",
        type=float,
        metavar="NUMBER",
        help="standard deviation of the differences in the number of clusters, and their mean",
    )
    sub.add_argument(
        "--auroc", nargs="*", type=float, metavar="AUROC", help="one, against 0.5, or two over the same questions"
    )
    sub.add_argument(
        "--correlation", type=float, default=0.0, help="of two scores among right or among wrong answers (default: 0)"
    )
    sub.add_argument("--accuracy", type=float, default=0.5, help="share of right answers, for --auroc (default: 0.5)")
    sub.add_argument(
        "--questions",
        type=int,
        metavar="N",
        help="say what so many find, and what they cost (default: as many as it takes)",
    )
    sub.add_argument("--samples", type=int, metavar="N", help="answers per question, for the cost (default: the run's)")
    sub.add_argument("--power", type=float, default=0.8, help="default: 0.8")
    sub.add_argument("--model", help="say what sampling this model costs, from its stored runs")
    sub.add_argument("--dataset", help="whose answers are as long as those planned (default: that of the newest run)")


def _report(add: Add) -> None:
    sub = add(
        "report",
        results.report_runs,
        "Print the tables of docs/results.md: every statistic of runs, published ones beside.",
    )
    sub.add_argument("runs", nargs="*", metavar="RUN", help="run id; all complete runs when none is named")
    sub.add_argument("--update", metavar="FILE", help="replace the tables between the marks of this Markdown file")
    sub.add_argument("--html", metavar="FILE", help="write the named run, or a comparison of 2 to 4, as one HTML file")


def _export(add: Add) -> None:
    sub = add("export", runs.export_run, "Write a run as one file for pandas, DuckDB, a spreadsheet or `import`.")
    sub.add_argument("run", help="run id")
    sub.add_argument("--format", choices=("parquet", "jsonl", "csv", "html"), default="jsonl", help="default: jsonl")
    sub.add_argument("--output", metavar="FILE", help="default: the run's id in this folder")


def _import(add: Add) -> None:
    sub = add("import", runs.import_run, "Make runs of answers that were sampled elsewhere, and score them.")
    sub.add_argument(
        "file",
        help="a file in one of many formats, told by its content, a folder (see the README), or a data set of the hub, "
        "as OWNER/NAME or hf://datasets/OWNER/NAME/FILE",
    )
    sub.add_argument("--model", help="the name of the model that gave the answers (default: as the file says)")
    sub.add_argument("--dataset", help="default: as the file says, or the file's name")
    sub.add_argument("--stage", choices=("base", "sft", "dpo", "rlvr", "instruct"), help="of the model's training")
    sub.add_argument("--parent", metavar="MODEL", help="the model that it was trained from, by its name on import")
    sub.add_argument("--family", help="of the model, as Mistral")
    sub.add_argument("--parameters", dest="n_parameters", type=int, metavar="N", help="how many the model has")
    sub.add_argument(
        "--prompt-style", choices=("plain", "few_shot", "chat"), help="that it was asked in (default: unknown)"
    )
    sub.add_argument("--temperature", type=float, help="that they were sampled at (default: as the file says)")
    sub.add_argument("--top-p", type=float, help="default: as the file says, or 1")
    sub.add_argument("--top-k", type=int, help="default: 0, which is off")
    sub.add_argument("--max-new-tokens", type=int, help="their token limit (default: as the file says)")
    sub.add_argument("--seed", type=int, help="default: 0")
    sub.add_argument(
        "--samples",
        dest="n_samples",
        type=int,
        metavar="N",
        help="answers of each question to keep; questions with fewer are left out (default: the most common number)",
    )
    sub.add_argument("--input", metavar="FILE", help="the input file of a batch, which holds the questions")
    sub.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="FIELD=COLUMN",
        help="the column of a table that holds question, prompt, answers (lists), answer (one a row), id, "
        "references …; may be repeated (default: guessed, and said)",
    )
    leftovers_options(sub)
    model_options(sub)


def _transfer(add: Add) -> None:
    sub = add("push", runs.push_run, "Copy a complete run with all its tables to a folder, to S3 or to the hub.")
    sub.add_argument("run", help="run id")
    sub.add_argument("target", help="a folder, s3://BUCKET/FOLDER or hf://datasets/OWNER/NAME/FOLDER")
    sub = add("pull", runs.pull_run, "Copy a run from where `push` has put it, after a check of every file.")
    sub.add_argument("source", help="the run's folder there, as `push` prints it")


def _study(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    about = "Studies: answers that others have published, and many runs of your own from one file."
    group = commands.add_parser("study", help=about, description=about)
    add = _adder(group.add_subparsers(title="commands", required=True, metavar="COMMAND"))
    add("list", studies.list_studies, "List the public studies, and what of them is here.")
    sub = add("get", studies.get_study, "Fetch a public study, check its files, and make scored runs of them.")
    sub.add_argument("name", help="name of the study, as `study list` shows it")
    sub.add_argument(
        "--from",
        dest="folder",
        metavar="FOLDER",
        help="a folder that has the study's files, which are then not fetched",
    )
    model_options(sub)
    sub = add(
        "run",
        study_run.run_study,
        "Sample and score all runs of a study of your own: models × datasets × settings. Does only what is missing.",
    )
    sub.add_argument("file", help="a study file in TOML (docs/studies.md)")
    sub.add_argument("--dry-run", action="store_true", help="only say what is done, and what the rest will take")
    _ray(sub)
    model_options(sub)
