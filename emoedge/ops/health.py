"""How the daemon fares: rates, latencies, drops and ages from the pipeline, memory and heat from the kernel."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

INTERVAL = 30.0
"""Seconds between two payloads of `health` while nothing changes."""

WINDOW = 30.0
"""Seconds over which rates and quantiles are taken."""

MAX_SAMPLES = 4096
"""Durations kept of one stage; at 120 frames a second the window is a little shorter than WINDOW."""

THERMAL = Path("/sys/class/thermal")
STATM = Path("/proc/self/statm")

CPU_ZONES = ("cpu", "x86_pkg_temp", "soc", "coretemp", "acpitz")
"""Beginnings of `thermal_zone*/type` that mean the processor, best first: Raspberry Pi's is `cpu-thermal`."""


@dataclass(frozen=True, slots=True)
class CpuUse:
    """CPU time of the whole process, and the pace that it is to be kept with."""

    budget: float | None
    """Cores; None without a limit."""
    used: float | None
    """Cores, lately; None right after the start."""
    vision_rate: float | None
    """Frames a second that are looked at now at most; None without a camera."""
    speech_hop: float | None
    """Seconds between two classified windows now; None without a microphone."""

    def as_dict(self) -> dict[str, object]:
        """The members of the payload."""
        return {
            "budget_percent": None if self.budget is None else round(100 * self.budget, 1),
            "used_percent": None if self.used is None else round(100 * self.used, 1),
            "vision_rate_hz": None if self.vision_rate is None else round(self.vision_rate, 2),
            "speech_hop_s": None if self.speech_hop is None else round(self.speech_hop, 2),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """One look at the daemon; what the topic `health` says."""

    uptime: float
    """Seconds since the pipeline was built."""
    fps: float
    """Frames analysed a second."""
    latency: Mapping[str, tuple[float | None, float | None]]
    """Milliseconds: median and 95th percentile of each stage; None where it did not run."""
    duty: float
    """Share of the time spent analysing, 0..1."""
    drops: Mapping[str, int]
    """Totals of what was given up, by place."""
    ages: Mapping[str, float | None]
    """Seconds since each sensor last gave something; None where it never did."""
    temperature: float | None
    """Degrees Celsius of the processor."""
    rss: float | None
    """Megabytes of resident memory."""
    queue: int
    """Events that the broker has not acknowledged."""
    sensors: Mapping[str, str]
    """Status of each sensor."""
    problems: tuple[str, ...] = ()
    """One line each."""
    rate_share: float = 1.0
    """Share of the frames otherwise looked at that heat, power and `cpu.budget` allow now."""
    rate_reason: str | None = None
    """Why that is less than 1, or speech is judged less often."""
    cpu: CpuUse | None = None
    """What the processor was used for, and the pace in force."""
    synced: bool = True
    """Whether the wall clock is known to be right; every payload says so itself, as `clock`."""

    @property
    def status(self) -> str:
        """`ok`, or `degraded` while there are problems."""
        return "degraded" if self.problems else "ok"

    def as_dict(self) -> dict[str, object]:
        """The members of the payload."""
        return {
            "status": self.status,
            "problems": list(self.problems),
            "uptime_s": self.uptime,
            "fps": self.fps,
            "latency_ms": {name: {"p50": p50, "p95": p95} for name, (p50, p95) in self.latency.items()},
            "drops": dict(self.drops),
            "ages_s": dict(self.ages),
            "temperature_c": self.temperature,
            "rss_mb": self.rss,
            "duty": self.duty,
            "rate_share": self.rate_share,
            "rate_reason": self.rate_reason,
            "cpu": None if self.cpu is None else self.cpu.as_dict(),
            "queue": self.queue,
            "sensors": dict(self.sensors),
        }

    def worth_telling(self, before: HealthReport | None) -> bool:
        """Whether problems, a sensor, the pace or the clock changed since `before`: told at once."""
        return before is None or self.turns != before.turns

    @property
    def turns(self) -> tuple[object, ...]:
        """What is told at once when it changes."""
        return self.problems, self.sensors, self.rate_reason, self.synced


@dataclass(slots=True)
class _Stage:
    """Durations of one stage, newest last."""

    samples: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=MAX_SAMPLES))
    """(end in monotonic seconds, duration in seconds)"""

    def within(self, since: float) -> list[float]:
        while self.samples and self.samples[0][0] < since:
            self.samples.popleft()
        return [duration for _, duration in self.samples]


class HealthMeter:
    """Collects durations of the stages of one thread; pure: time comes as an argument (monotonic seconds)."""

    FRAME = "frame"
    """The stage whose rate is `fps`."""

    def __init__(self, at: float) -> None:
        self._began = at
        self._stages: dict[str, _Stage] = {self.FRAME: _Stage()}
        self._last: dict[str, float] = {}

    def took(self, stage: str, seconds: float, at: float) -> None:
        """Note that `stage` (`frame` for the whole of one analysed frame, `speech`, ...) ended at `at`."""
        self._stages.setdefault(stage, _Stage()).samples.append((at, seconds))

    def alive(self, sensor: str, at: float) -> None:
        """Note that a sensor gave something, whether it was analysed or not."""
        self._last[sensor] = at

    def report(
        self,
        at: float,
        *,
        sensors: Mapping[str, str],
        drops: Mapping[str, int],
        queue: int,
        temperature: float | None = None,
        rss: float | None = None,
        problems: Iterable[str] = (),
        rate_share: float = 1.0,
        rate_reason: str | None = None,
        cpu: CpuUse | None = None,
        synced: bool = True,
    ) -> HealthReport:
        """Sum up the last WINDOW seconds; `sensors` maps names to their status."""
        since = at - WINDOW
        span = max(min(at - self._began, WINDOW), 1e-3)
        recent = {name: stage.within(since) for name, stage in self._stages.items()}
        ages = {name: None if name not in self._last else max(0.0, at - self._last[name]) for name in sensors}
        busy = sum(sum(durations) for durations in recent.values())
        return HealthReport(
            uptime=max(0.0, at - self._began),
            fps=len(recent[self.FRAME]) / span,
            latency={name: (quantile(d, 0.5), quantile(d, 0.95)) for name, d in recent.items()},
            duty=min(busy / span, 1.0),
            drops=dict(drops),
            ages=ages,
            temperature=temperature,
            rss=rss,
            queue=queue,
            sensors=dict(sensors),
            problems=tuple(problems),
            rate_share=rate_share,
            rate_reason=rate_reason,
            cpu=cpu,
            synced=synced,
        )


def quantile(seconds: list[float], share: float) -> float | None:
    """Nearest-rank quantile in milliseconds; None of nothing."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    return 1000.0 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def read_temperature() -> float | None:
    """Degrees Celsius of the processor, None where the kernel does not say."""
    best: tuple[int, float] | None = None
    for zone in sorted(THERMAL.glob("thermal_zone*")):
        try:
            kind = (zone / "type").read_text(encoding="ascii", errors="replace").strip().lower()
            celsius = int((zone / "temp").read_text(encoding="ascii")) / 1000
        except (OSError, ValueError):
            continue
        rank = next((i for i, name in enumerate(CPU_ZONES) if kind.startswith(name)), len(CPU_ZONES))
        if best is None or rank < best[0]:
            best = (rank, celsius)
    return None if best is None else best[1]


def read_rss() -> float | None:
    """Megabytes of resident memory of this process, None where the kernel does not say."""
    try:
        pages = int(STATM.read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
