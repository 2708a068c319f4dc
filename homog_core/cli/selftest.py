"""The command `selftest`: what a model does on this machine, as a report that can be sent to somebody."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from homog_core.cli.output import print_result, say
from homog_core.wording import numbers

if TYPE_CHECKING:
    from homog_core.sampling.selftest import Finding, SelfTest


def selftest(options: argparse.Namespace) -> int:
    """Check sampling with a model; exit status 1 where a check fails."""
    from homog_core.runs.questions import load_questions
    from homog_core.sampling.engine import TorchSampler
    from homog_core.sampling.selftest import N_QUESTIONS
    from homog_core.sampling.selftest import selftest as run
    from homog_core.sampling.weights import find_model

    spec = find_model(options.model)
    sampler = TorchSampler.from_pretrained(spec, say, options.dtype)
    found = run(sampler, load_questions("starter", limit=N_QUESTIONS), options.prompt or spec.prompt_style, say)
    if options.json:
        checks = [asdict(finding) | {"passed": finding.is_passed} for finding in found.findings]
        print_result(options, asdict(found) | {"findings": checks, "passed": found.is_passed})
    else:
        print(markdown(found))
    return 0 if found.is_passed else 1


def markdown(found: "SelfTest") -> str:
    """The report as Markdown."""
    head = [
        f"# homog selftest: {'passed' if found.is_passed else 'FAILED'}",
        "",
        f"- model: {found.model} ({found.revision}), {found.dtype}",
        f"- device: {found.device}",
        f"- versions: {', '.join(f'{name} {number}' for name, number in found.versions.items())}",
        "",
        "| check | found | at most | |",
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *map(_row, found.findings)])


def _row(finding: "Finding") -> str:
    judged = finding.limit is not None
    verdict = ("passed" if finding.is_passed else "FAILED") if judged else ""
    limit = f"{_value(finding.limit)} {finding.unit}" if judged else ""
    return f"| {finding.name} | {_value(finding.value)} {finding.unit} | {limit} | {verdict} |"


def _value(value: float) -> str:
    if value == int(value):
        return numbers.whole(value)
    return f"{value:.1e}" if abs(value) < 0.01 else numbers.number(value, 2)
