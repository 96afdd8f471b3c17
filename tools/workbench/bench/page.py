"""docs/performance.md from the measurements: every figure in it is read from the file beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.bench import report

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LITERT = "emoedge (litert)"

HEAD = """\
# Performance

<!-- Written by tools/benchmark.py from docs/performance/figures.json; change the code, not this file. -->

What a frame and a second of sound cost, and where it goes. `make bench` measures again; with
`BENCH="--peers mediapipe,human,fer,deepface"` other programs too, each in an environment of its own, and with
`BENCH="--only crowd --data fer2013.npz"` the hard clips with other people's faces.
"""

TRIED = """\
## Tried, and of no help

- Several faces in one `invoke`: the network's time is all in its products, a batch of four takes four times one.
- `MALLOC_ARENA_MAX`, 1 or 2: no less memory that could be told from the difference between two runs.
- Following at 42 or 44 px in a narrow window: finds no more than 40 px, for a tenth and for half as much again.
- Two sizes instead of three in that window: it finds 50 to 78 % where it found 86 to 99 %, and the second look costs
  more than the first one saved.
- A gray picture of every other row for the motion gate: in heavy grain cells change that did not, and the scans that
  follow cost more than the gate saved. Halving again and again is as exact, at a third of the price.
- `cv2.cvtColor` into a picture allocated once: the same time.

Helped most: a narrow first look at a face that was there a moment ago; contiguous rows for BLAS in the voice net, which
had fallen back to a plain loop; sound cleaned and convolved every 0.1 s and not with every block; no `np.clip` on a few
numbers; films decoded in one thread.
"""

CROWD = """\
The same motions, 4 s each, with other people (FER2013's PublicTest, a head drawn around each). A box counts as the
face when it is 0.6 to 1.6 times as wide as the picture that was pasted; emoedge publishes the square that it judges,
0.9 of the cascade's. In clips this short a new face's wait for `vision.confirm` alone is 2 points, 10 for `visitors`.
"""

BUDGET = """\
## A budget

`cpu.budget: 25%` keeps the whole process, decoding included, to a share of one core: measured every 3 s, frames are
looked at less often first, down to one a second, then speech is judged less often, up to every 2 s. `health` tells
the budget, what is used and the rates in force under `cpu`, and in `rate_reason` why they are lower than configured.
"""

GUARD = """\
## Guard

`tests/performance/test_instructions.py` counts instructions under valgrind: a frame's and a second of sound's, over a
naive frame's in the same run. It fails when one is 15 % dearer than when it was last set, and shows that it does on a
detector that looks twice. Valgrind shows every program the same processor, so the counts of two
machines compare. `tests/performance/test_hot_path.py` compares CPU time with the naive loop's, more loosely, the
networks' left out, and how often the network is asked.
"""


STAGES = (
    *(("moving", name, (name,)) for name in ("gray", "gate", "scan", "follow", "quality", "crop", "classify")),
    ("hush", "gate net", ("mel frames", "gate net")),
    ("voice", "classify", ("speech net",)),
)
"""Of what, the stage that was timed, and the work that it is."""

FLOORS = """
The floor is what the bytes that a stage must move and the products that it must form take on this core: {macs} G int8
multiply-accumulates and {bytes} GB a second, both measured. A cascade's own floor is higher: of each window it computes
what its features ask for, which depends on the picture. Fusing and publishing move a few hundred bytes: what they cost
is Python's.

"""

COUNTS = """\
For a frame, and for a second of `voice` and `hush`, under valgrind, which shows programs a processor without VNNI:
there the network takes a greater share. Addresses are functions of OpenCV's wheel, which names none of its own.

"""


def page(told: Mapping[str, Any]) -> str:
    """The whole page, of what there are figures for."""
    return "\n".join((HEAD, _machine(told["machine"]), *_parts(told)))


def _parts(told: Mapping[str, Any]) -> Iterator[str]:
    if {"frames", "senses", "daemon"} <= set(told):
        yield "## Against what is aimed at\n"
        yield targets(told)
    if "frames" in told:
        yield "## A frame of 640 x 480, every frame analysed\n"
        yield report.frames(told["frames"])
        yield (
            "`moving` is one face that wanders, `four` four faces, `still` somebody who sits still, `empty` nobody.\n"
            "The naive loop is OpenCV's default cascade over the whole picture at scale 1.1, and the same model.\n"
        )
        yield "![cost of a frame](performance/frame.png)\n"
    if told.get("peers"):
        yield "## Other programs on the same frames\n"
        yield report.peers(told["peers"])
    if "hard" in told:
        yield "## Hard clips\n"
        yield (
            "Each is 8 s of 25 frames, drawn by `tools/workbench/clips.py`; `scan` is a search of every whole frame\n"
            "at scale 1.1 with the cascade that emoedge uses. A new face is believed when it has been found for\n"
            "`vision.confirm`: the frames before count as missed.\n"
        )
        yield report.hard(told["hard"])
    if "crowd" in told:
        yield CROWD
        yield report.hard(told["crowd"])
    if "senses" in told:
        yield "## Where it goes\n"
        yield report.senses(told["senses"])
        yield floors(told["senses"])
    if "counts" in told:
        yield "## Instructions\n"
        yield counts(told["counts"])
    if "daemon" in told:
        yield "## The daemon\n"
        yield report.daily(told["daemon"])
    yield BUDGET
    yield GUARD
    yield TRIED


def _machine(machine: Mapping[str, Any]) -> str:
    return (
        f"Measured on {machine['processor']}, {machine['cores']} cores of a virtual machine "
        f"({machine['architecture']}), Python {machine['python']},\n"
        f"OpenCV {machine['opencv']}, NumPy {machine['numpy']}; pinned to one core with one thread unless said. Other "
        f"programs kept the\nmachine busy meanwhile (load {machine['load']:.0f}): CPU time suffers less from that than "
        "the clock does, but caches are shared,\nand short work suffers most. On a Raspberry Pi nothing of this was "
        "measured.\n"
    )


def targets(told: Mapping[str, Any]) -> str:
    """What is aimed at, what was measured, and whether that is it."""
    pinned, sound, daemon = told["frames"]["pinned"], told["senses"]["sound"], told["daemon"]
    start = daemon["start"]["litert"]
    rows = [
        ("one moving face, CPU ms a frame", 3.0, pinned["moving"][LITERT]["mean"]),
        ("four faces, CPU ms a frame", 5.0, pinned["four"][LITERT]["mean"]),
        ("somebody sits still, CPU ms a frame", 0.5, pinned["still"][LITERT]["mean"]),
        ("nobody there, CPU ms a frame", 0.5, pinned["empty"][LITERT]["mean"]),
        ("a second of speech, CPU ms", 10.0, sound["voice"]["litert"]["mean"]),
        ("a quiet second, CPU ms", 2.0, sound["hush"]["litert"]["mean"]),
        ("event's time to subscriber, p95, ms", 60.0, daemon["latency"]["p95"]),
        ("start to READY, s of CPU time", 0.6, start["ready_cpu_s"]),
        ("peak memory, both senses and MQTT, MB", 110.0, start["rss_mb"]),
        ("installed, MB", 300.0, report.installed(daemon)),
    ]
    if "hard" in told:
        ours, scan = (report.total(told["hard"], who) for who in ("emoedge", "scan"))
        rows.append(("hard clips: points found less than by a full scan", 1.0, _found(scan) - _found(ours)))
        rows.append(("hard clips: false faces a minute, against the scan's", _false(scan), _false(ours)))
    cells = [
        (what, report.number(aim), report.number(is_), "yes" if is_ <= aim else "**no**") for what, aim, is_ in rows
    ]
    return report.table(("", "at most", "measured", "met"), cells)


def _found(row: Mapping[str, float]) -> float:
    return 100 * row["hits"] / row["faces"]


def _false(row: Mapping[str, float]) -> float:
    return 60 * row["false"] / row["seconds"]


def floors(told: Mapping[str, Any]) -> str:
    """Each stage beside the least that its bytes and products take on this core."""
    rates, work = told["floors"]["rates"], told["floors"]["work"]
    rows = []
    for kind, name, stages in STAGES:
        spent = told["stages"][kind][name]
        least = 1000 * sum(work[stage][unit] / rates[unit] for stage in stages for unit in work[stage])
        row = (" and ".join(stages), kind, report.number(spent), report.number(least), report.number(spent / least, 2))
        rows.append(row)
    return FLOORS.format(macs=report.number(rates["macs"] / 1e9), bytes=report.number(rates["bytes"] / 1e9)) + (
        report.table(("stage", "of", "CPU ms", "floor ms", "times the floor"), rows)
    )


def counts(told: Mapping[str, Any]) -> str:
    """Millions of instructions, and the functions that take them."""
    rows = []
    for kind, row in told.items():
        shares = sorted(row["functions"].items(), key=lambda item: -item[1])
        most = [f"`{name}` {100 * share:.0f} %" for name, share in shares[:3]]
        rows.append((kind, report.number(row["instructions"] / 1e6), "; ".join(most)))
    return COUNTS + report.table(("", "millions", "most of them in"), rows)
