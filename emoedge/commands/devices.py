"""`emoedge devices`: lists cameras and microphones with what to write into the configuration."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from emoedge.errors import SourceError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from emoedge.sources.inventory import CameraEntry
    from emoedge.sources.portaudio import Input


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        "devices",
        help="list cameras and microphones",
        description="List cameras and microphones with the ids to paste into the configuration.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.set_defaults(execute=execute)


def execute(args: argparse.Namespace) -> int:
    """Print what there is; finding nothing is no error."""
    from emoedge.sources.inventory import cameras, microphones
    from emoedge.sources.libcamera import REMEDY, needs_libcamera

    seen = cameras()
    heard: Sequence[Input] = []
    problem = None
    try:
        heard = microphones()
    except SourceError as error:
        problem = str(error)
    if args.json:
        print(_as_json(seen, heard, problem))
        return 0
    print("Cameras")
    for camera in seen:
        print(f"  source: {quoted(camera.source)}")
        print(f"      {camera.name}" + (f", now {camera.device}" if camera.device != camera.source else ""))
        if needs_libcamera(camera.name):
            print(f"      {REMEDY}")
    if not seen:
        print("  none found; plug one in and look at `dmesg`, or write a rtsp:// or http:// address, a file or none")
    print("Microphones")
    for microphone in heard:
        print(f"  source: {quoted(microphone.name)}")
        channels = f"{microphone.channels} channel{'s' * (microphone.channels != 1)}"
        print(f"      {channels}, {microphone.rate} Hz{', the default' * microphone.default}")
    if problem:
        print(f"  {problem}")
    elif not heard:
        print("  none found; plug one in and look at `arecord -l`, or write a sound file or none")
    return 0


def quoted(text: str) -> str:
    """Text as YAML takes it for sure."""
    return json.dumps(text, ensure_ascii=False)


def _as_json(seen: Sequence[CameraEntry], heard: Sequence[Input], problem: str | None) -> str:
    listing: dict[str, object] = {
        "cameras": [asdict(camera) for camera in seen],
        "microphones": [
            {"source": m.name, "channels": m.channels, "rate": m.rate, "default": m.default} for m in heard
        ],
    }
    if problem:
        listing["problem"] = problem
    return json.dumps(listing, ensure_ascii=False, indent=2)
