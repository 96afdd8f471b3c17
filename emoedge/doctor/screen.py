"""The doctor's findings as one screen, or as JSON."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

from emoedge.doctor.finding import Verdict, worst

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from emoedge.doctor.finding import Finding

WIDTH = 100
WORDS = {Verdict.PASS: "ok", Verdict.WARN: "warn", Verdict.FAIL: "FAIL"}
INDENT = 17


def screen(findings: Sequence[Finding]) -> str:
    """One line a finding, with the remedy below where there is something to do."""
    return "\n".join([*_lines(findings), "", _summary(findings)])


def as_json(findings: Sequence[Finding]) -> str:
    """The same for machines."""
    told = {"verdict": worst(findings).value, "findings": [finding.as_dict() for finding in findings]}
    return json.dumps(told, ensure_ascii=False, indent=2)


def _lines(findings: Sequence[Finding]) -> Iterator[str]:
    stage = ""
    for finding in findings:
        name = finding.stage if finding.stage != stage else ""
        stage = finding.stage
        said = finding.said.splitlines() or [""]
        yield f"{name:<11}{WORDS[finding.verdict]:<5} {said[0]}"
        yield from (" " * INDENT + line for line in said[1:])
        if finding.remedy:
            yield textwrap.fill(
                finding.remedy, WIDTH, initial_indent=" " * INDENT + "-> ", subsequent_indent=" " * (INDENT + 3),
                break_long_words=False, break_on_hyphens=False,
            )  # fmt: skip


def _summary(findings: Sequence[Finding]) -> str:
    count = {verdict: sum(f.verdict is verdict for f in findings) for verdict in Verdict}
    if worst(findings) is Verdict.PASS:
        return "All is well."
    parts = [f"{count[Verdict.FAIL]} failed"] * bool(count[Verdict.FAIL])
    parts += [f"{count[Verdict.WARN]} to look at"] * bool(count[Verdict.WARN])
    return f"{', '.join(parts)}, {count[Verdict.PASS]} ok."
