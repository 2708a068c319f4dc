"""Draw answers, pairs or questions for readers, collect their labels, and compare the program with them.

python -m benchmarks.reading draw pairs --source run:<id>=40 --source public:<set>/<file>=20 --folder sheets
python -m benchmarks.reading collect sheets        # reads sheets/reader-1.csv, reader-2.csv and reader-3.csv
python -m benchmarks.reading grade                 # after a change of the rules: how each answer is graded now
python -m benchmarks.reading tables --update docs/readings.md
"""

import argparse
import random
from pathlib import Path

from benchmarks.reading import grades, pairs, public, questions
from benchmarks.reading.collect import collect
from benchmarks.reading.draw import TASKS, draw_answers, draw_pairs, draw_questions, write_sheets
from benchmarks.reading.questions import clusters_of
from benchmarks.reading.sources import answers_of
from homog_core.reports.tables import markdown, update_document
from homog_core.runs.readings import grade_readings, read_answers


def main() -> None:
    """Run one of the four commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    drawing = commands.add_parser("draw", help="write sheets for two readers")
    drawing.add_argument("kind", choices=TASKS)
    drawing.add_argument("--source", action="append", required=True, metavar="SOURCE=N", help="and how many of it")
    drawing.add_argument("--folder", type=Path, required=True, help="a new folder")
    drawing.add_argument("--seed", type=int, default=0)
    drawing.set_defaults(run=_draw)
    collecting = commands.add_parser("collect", help="add the readers' labels to the tables")
    collecting.add_argument("folder", type=Path)
    collecting.set_defaults(run=lambda options: print(collect(options.folder)))
    grading = commands.add_parser("grade", help="write into the table how each answer is graded now")
    grading.set_defaults(
        run=lambda options: print(f"{grade_readings()} are left as they were: their questions are not here.")
    )
    comparing = commands.add_parser("tables", help="compare the program with the readings")
    comparing.add_argument("--update", type=Path, help="a Markdown file with two marks, as docs/readings.md")
    comparing.set_defaults(run=_tables)
    options = parser.parse_args()
    options.run(options)


def _draw(options: argparse.Namespace) -> None:
    rng, items = random.Random(options.seed), []
    for source in options.source:
        name, _, wanted = source.rpartition("=")
        found = answers_of(name)
        if options.kind == "answers":
            items += draw_answers(found, int(wanted), rng, _read_before())
        elif options.kind == "pairs":
            items += draw_pairs(found, int(wanted), rng)
        else:
            drawn = draw_questions(found, *clusters_of(name))
            items += rng.sample(drawn, min(int(wanted), len(drawn)))
    write_sheets(options.folder, options.kind, items, rng)
    print(f"{len(items)} items in {options.folder}; readers get the sheets, not key.jsonl.")


def _read_before() -> set[tuple[str, str]]:
    """The model and question of every answer that has been read."""
    return {(answer.source, answer.question.id) for answer in read_answers()}


def _tables(options: argparse.Namespace) -> None:
    found = [*grades.tables(), *pairs.tables(), *questions.tables(), *public.tables()]
    if options.update:
        update_document(options.update, found)
    else:
        print(markdown(found))


if __name__ == "__main__":
    main()
