"""The report of a conversion, as JSON for tools and as a page for people."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WORST = 10
"""Layers that are listed."""


def write(report: Mapping[str, Any], prefix: Path) -> tuple[Path, Path]:
    """Write `<prefix>.json` and `<prefix>.md`; returns both paths."""
    paths = prefix.with_name(prefix.name + ".json"), prefix.with_name(prefix.name + ".md")
    for path, text in zip(paths, (json.dumps(report, indent=1) + "\n", page(report)), strict=True):
        part = path.with_name(f".{path.name}.part")
        try:
            part.write_text(text, encoding="utf-8")
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
    return paths


def rounded(value: float, digits: int = 5) -> float | None:
    """A figure for JSON: rounded, None where it is infinite or no number."""
    return round(value, digits) if math.isfinite(value) else None


def page(report: Mapping[str, Any]) -> str:
    """The report in Markdown."""
    parity = report["parity"]
    lines = [
        f"# Conversion of {report['source']} to {report['dtype']}",
        "",
        f"Parity gates: **{'passed' if parity['passed'] else 'not passed'}**"
        + (f" ({parity['reason']})" if parity.get("reason") else "")
        + (f"; accepted by name: {', '.join(parity['allowed'])}" if parity["allowed"] else "")
        + ".",
        "",
        "| | source | converted |",
        "|---|---|---|",
    ]
    for key, name in (("accuracy", "accuracy"), ("macro_f1", "macro-F1")):
        before, after = report[key] or (None, None)
        lines.append(f"| {name} | {_figure(before)} | {_figure(after)} |")
    lines += [
        f"| size, bytes | {report['size']['source']} | {report['size']['converted']} |",
        "",
        f"- Measured on {parity['rows']} rows: {report['calibrated_on']}.",
        f"- Top-1 agreement {parity['agreement']:.4f}, mean KL {parity['kl']:.5f} nats.",
        f"- Temperature {report['temperature']:.3f}.",
        f"- Operations left in float: {', '.join(parity['float_ops']) or 'none'}.",
        f"- float32 file: {report['size']['float32']} bytes.",
        *(f"- Warning: {text}." for text in report.get("warnings", ())),
        "",
        "## Latency",
        "",
        f"One inference on {report['runtime']}, milliseconds.",
        "",
        "| threads | median | 95th percentile |",
        "|---|---|---|",
        *(f"| {n} | {median:.3f} | {high:.3f} |" for n, (median, high) in report["latency_ms"].items()),
        "",
        "## Worst layers",
        "",
    ]
    if report["worst_layers"]:
        lines += ["Signal-to-noise ratio against float32, gathered up to that layer.", ""]
        lines += ["| layer | dB |", "|---|---|"]
        lines += [f"| {each['name']} | {_figure(each['snr_db'], 1)} |" for each in report["worst_layers"]]
    else:
        lines.append("No layer stands in both files under one name.")
    return "\n".join(lines) + "\n"


def _figure(value: float | None, digits: int = 4) -> str:
    return "not measured" if value is None else f"{value:.{digits}f}"
