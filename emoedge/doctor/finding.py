"""One result of the doctor's, and what all of them together mean."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

CODES = (78, 69, 1)
"""Exit codes of failures, weightiest first: a refused configuration explains the rest."""


class Verdict(StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105 - no password
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    stage: str
    verdict: Verdict
    said: str
    """What is so, in one line."""
    remedy: str = ""
    """What to do about it."""
    code: int = 1
    """Exit code where it failed: 78 configuration or model, 69 broker, 1 else."""

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        return {"stage": self.stage, "verdict": self.verdict.value, "said": self.said, "remedy": self.remedy or None}


def passed(stage: str, said: str) -> Finding:
    """All is well."""
    return Finding(stage, Verdict.PASS, said)


def warned(stage: str, said: str, remedy: str) -> Finding:
    """It works, and could be better."""
    return Finding(stage, Verdict.WARN, said, remedy)


def failed(stage: str, said: str, remedy: str, code: int = 1) -> Finding:
    """It does not work."""
    return Finding(stage, Verdict.FAIL, said, remedy, code)


def blamed(name: str, problem: str) -> str:
    """What is wrong with a source, which its own words may name already."""
    return problem if problem.startswith(f"{name}:") else f"{name}: {problem}"


def exit_code(findings: Iterable[Finding]) -> int:
    """0 unless something failed; warnings do not count."""
    failures = {finding.code for finding in findings if finding.verdict is Verdict.FAIL}
    return next((code for code in CODES if code in failures), 0)


def worst(findings: Iterable[Finding]) -> Verdict:
    """The worst verdict; PASS of nothing."""
    order = list(Verdict)
    return max((finding.verdict for finding in findings), key=order.index, default=Verdict.PASS)
