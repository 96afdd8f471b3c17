"""The measurements as tables and as a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

Row = tuple[str, ...]

FRAMES = ("moving", "four", "still", "empty")
"""Clips whose stages are told."""


def table(head: Row, rows: Sequence[Row]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def number(value: float, digits: int = 3) -> str:
    """That many significant digits, without an exponent."""
    if value == 0:
        return "0"
    shown = float(f"{value:.{digits}g}")
    return f"{shown:.0f}" if abs(shown) >= 10 ** (digits - 1) else f"{shown:g}"


def frames(told: Mapping[str, Any]) -> str:
    """CPU milliseconds a frame, mean (p50 / p95)."""
    clips = [name for name in FRAMES if name in told["pinned"]]
    rows: list[Row] = []
    for mode, by_clip in sorted(told.items(), reverse=True):
        labels = list(dict.fromkeys(label for name in clips for label in by_clip[name]))
        rows.extend(
            (label, mode, *(_cost(by_clip[name][label]) if label in by_clip[name] else "" for name in clips))
            for label in labels
        )
    return table(("CPU ms a frame: mean (p50 / p95)", "threads", *clips), rows)


def _cost(row: Mapping[str, float]) -> str:
    return f"{number(row['mean'])} ({number(row['p50'])} / {number(row['p95'])})"


def peers(told: Mapping[str, Any]) -> str:
    """Other programs on the clip `moving`."""
    rows: list[Row] = []
    for name, row in told.items():
        if "failed" in row:
            rows.append((name, f"not measured: {row['failed']}", "", "", "", ""))
            continue
        rows.extend(
            (name, mode, _cost(row[mode]), number(row[mode]["start_s"]), number(row[mode]["rss_mb"]),
             number(row[mode]["installed_mb"], 4))
            for mode in ("pinned", "defaults")
        )  # fmt: skip
    return table(("peer", "threads", "CPU ms a frame", "start s", "peak RSS MB", "installed MB"), rows)


def hard(told: Mapping[str, Any]) -> str:
    """Detection on the hard clips, and over all of them."""
    contenders = list(next(iter(told.values())))
    rows = [(name, *(_detection(row[each]) for each in contenders)) for name, row in told.items()]
    sums = {each: total(told, each) for each in contenders}
    rows.append(("all", *(_detection(sums[each]) for each in contenders)))
    return table(("clip: found %, false faces a minute, switches", *contenders), rows)


def total(told: Mapping[str, Any], contender: str) -> dict[str, float]:
    """A contender's counts over all clips."""
    keys = ("faces", "hits", "false", "switches", "seconds")
    return {key: sum(row[contender][key] for row in told.values()) for key in keys}


def _detection(row: Mapping[str, float]) -> str:
    found = f"{100 * row['hits'] / row['faces']:.1f}" if row["faces"] else "nobody"
    return f"{found}, {number(60 * row['false'] / row['seconds'])}, {row['switches']:.0f}"


def senses(told: Mapping[str, Any]) -> str:
    """Sound, and the budget of the stages."""
    rows = [(kind, runtime, _cost(row)) for kind, by in told["sound"].items() for runtime, row in by.items()]
    text = table(("sound", "runtime", "CPU ms for a second"), rows)
    for title, names in (("ms of a frame", FRAMES), ("ms of a second", ("voice", "hush"))):
        stages = list(dict.fromkeys(stage for name in names for stage in told["stages"][name]))
        body = [(stage, *(number(told["stages"][name].get(stage, 0.0)) for name in names)) for stage in stages]
        body.append(("sum", *(number(sum(told["stages"][name].values())) for name in names)))
        text += "\n" + table((title, *names), body)
    return text


def daily(told: Mapping[str, Any]) -> str:
    """The running daemon."""
    rows: list[Row] = []
    for runtime, row in told["start"].items():
        rows += [
            (f"start to READY, {runtime}", f"{number(row['ready_s'])} s by the clock, "
                                           f"{number(row['ready_cpu_s'])} s of CPU time"),
            (f"start to the first event, {runtime}", f"{number(row['first_event_s'])} s"),
            (f"peak RSS, {runtime}", f"{number(row['rss_mb'], 4)} MB"),
        ]
    names = {"empty": "nobody there, 5 Hz", "still": "somebody sits still, 5 Hz", "visitors": "people, 25 Hz"}
    rows += [(f"share of a core, {names[kind]}", f"{number(100 * share)} %") for kind, share in told["idle"].items()]
    wait = told["latency"]
    rows.append(("event's time to subscriber, p50 / p95 / p99",
                 f"{number(wait['p50'])} / {number(wait['p95'])} / {number(wait['p99'])} ms"))  # fmt: skip
    if "publish_ms" in told:
        rows.append(("CPU time for an event, all threads, until the broker has it", f"{number(told['publish_ms'])} ms"))
    sizes = told["installed_mb"]
    rows += [(f"installed: {name}", f"{number(size)} MB") for name, size in sizes.items()]
    rows.append(("installed, together, one runtime", f"{number(installed(told))} MB"))
    return table(("daemon", "figure"), rows)


def installed(told: Mapping[str, Any]) -> float:
    """Megabytes with ai-edge-litert in place of tflite-runtime, which nobody needs both of."""
    sizes: Mapping[str, float] = told["installed_mb"]
    return sum(size for name, size in sizes.items() if name != "tflite-runtime")


def whole(told: Mapping[str, Any]) -> str:
    """All tables that there are figures for."""
    parts = (
        ("frames", frames), ("peers", peers), ("hard", hard), ("crowd", hard), ("senses", senses), ("daemon", daily),
    )  # fmt: skip
    return "\n".join(draw(told[name]) for name, draw in parts if told.get(name))


def chart(told: Mapping[str, Any], path: Path) -> None:
    """Two panels: cost of a frame side by side, and where emoedge's goes."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6), dpi=90, width_ratios=(1, 1.25))
    costs = dict(_costs(told))
    left.barh(list(costs), list(costs.values()), color=["#2a6f97" if "emoedge" in c else "#adb5bd" for c in costs])
    left.set_xscale("log")
    left.invert_yaxis()
    for place, value in enumerate(costs.values()):
        left.text(value, place, f" {number(value)}", va="center", fontsize=8)
    left.set_xlim(right=3 * max(costs.values()))
    left.set_xlabel("CPU ms a frame, mean, one core, one thread")
    left.set_title("one moving face, 640 x 480", fontsize=9)
    stages = told["senses"]["stages"]
    names = [name for name in FRAMES if name in stages]
    reached = [0.0] * len(names)
    for stage in dict.fromkeys(stage for name in names for stage in stages[name]):
        widths = [stages[name].get(stage, 0.0) for name in names]
        right.barh(names, widths, left=reached, label=stage)
        reached = [a + b for a, b in zip(reached, widths, strict=True)]
    right.invert_yaxis()
    right.set_xlabel("CPU ms a frame")
    right.set_title("where emoedge's go", fontsize=9)
    right.legend(fontsize=7, ncols=2)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def _costs(told: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for label, row in told["frames"]["pinned"]["moving"].items():
        yield label, row["mean"]
    for name, row in told.get("peers", {}).items():
        if "pinned" in row:
            yield name, row["pinned"]["mean"]
