"""Section `cpu`."""

from __future__ import annotations

from dataclasses import dataclass

from emoedge.config.setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuConfig:
    """How much of the processor the daemon may take."""

    budget: str | None = setting(
        None, pattern=r"[1-9]\d{0,2}(\.\d)?%", form="a percentage of one core, such as 25%", allow_none=True,
        help="Share of one core that the daemon keeps to: it looks at fewer frames, then judges speech less often; "
        "null sets no limit.",
    )  # fmt: skip

    @property
    def share(self) -> float | None:
        """Cores: 0.25 for `25%`; None without a limit."""
        return None if self.budget is None else float(self.budget.rstrip("%")) / 100
