"""`emoedge replay`: a film, a sound, or both through the same pipeline on a virtual clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from emoedge.commands import config_option

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from pathlib import Path

    from emoedge.config import Config
    from emoedge.errors import MediaError
    from emoedge.messages import AudioBlock, Event, Frame
    from emoedge.ops.clock import ManualClock
    from emoedge.outputs.jsonl import JsonlSink
    from emoedge.pipeline import Pipeline
    from emoedge.sources.replay import Reel

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Wall time of a replay's first moment: `ts` then reads as the time within the film."""

BOOT_ID = "replay"


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        "replay",
        help="run a recording through the pipeline and print its events as JSON lines",
        description="Run a film, a sound file, or both through the same pipeline as `run`, on a virtual clock and "
        "as fast as it goes. The same files give the same bytes on the same machine.",
    )
    parser.add_argument("video", metavar="VIDEO", help="a film or a folder of pictures; or a sound file alone")
    parser.add_argument("audio", metavar="AUDIO", nargs="?", help="a sound file that starts with the film")
    parser.add_argument("--jsonl", metavar="F", default="-", help="write the events to this file (default: stdout)")
    config_option(parser, searched=False)
    parser.set_defaults(execute=execute)


def execute(args: argparse.Namespace) -> int:
    """Replay to the end; raises MediaError where a file cannot be read or written, ModelError or ConfigError."""
    import sys
    from pathlib import Path

    from emoedge.config import default_config, load
    from emoedge.config.origin import pointing
    from emoedge.ops.clock import ManualClock
    from emoedge.outputs.jsonl import JsonlSink
    from emoedge.pipeline import build_pipeline, load_models
    from emoedge.sources.address import PICTURES, is_file, is_sound_alone
    from emoedge.sources.replay import Reel
    from emoedge.threads import bound_threads

    config = default_config("demo") if args.config is None else load(args.config, require_context=False)
    base = None if args.config is None else Path(args.config).parent
    video, audio = args.video, args.audio
    if audio is None and is_sound_alone(video):
        video, audio = None, video
    if video is not None and is_file(video) and Path(video).suffix.lower() in PICTURES:
        print(f"{video}: one picture; `emoedge classify {video}` judges it", file=sys.stderr)
        return 2
    # Threads of OpenCV may sum in another order from run to run; one thread always sums in the same.
    bound_threads(1)
    frames, blocks = _streams(config, video, audio)
    with pointing(args.config):
        models = load_models(config, base=base, camera=video is not None, microphone=audio is not None)
    pipeline = build_pipeline(config, models, camera=video is not None, microphone=audio is not None)
    # Last, as it makes the file.
    if wrong := _unwritable(args.jsonl, [Path(given) for given in (video, audio) if given and is_file(given)]):
        print(wrong, file=sys.stderr)
        return 2
    clock = ManualClock(wall=EPOCH)
    sink = JsonlSink(args.jsonl, clock, boot_id=BOOT_ID, whole=True)
    sink.start()
    try:
        reels = Reel(frames, config.vision.leave), Reel(blocks, config.speech.gate_hang_over)
        play(pipeline, *reels, clock, sink)
    finally:
        sink.stop()
    return 0


def _unwritable(target: str, inputs: list[Path]) -> str | None:
    """What is wrong with the file that the lines shall go to, before anything is computed; None: nothing."""
    from pathlib import Path

    if target == "-":
        return None
    try:
        if Path(target).exists() and any(given.samefile(target) for given in inputs):
            return f"--jsonl {target}: the recording itself; name another file"
        Path(target).open("ab").close()
    except OSError as error:
        return f"--jsonl {target}: {error.strerror}; name a file that can be written"
    return None


def _streams(config: Config, video: str | None, audio: str | None) -> tuple[Iterable[Frame], Iterable[AudioBlock]]:
    from emoedge.sources.replay import film, sound

    frames = () if video is None else film(video, config.camera)
    return frames, () if audio is None else sound(audio, config.microphone)


def play(pipeline: Pipeline, film: Reel, sound: Reel, clock: ManualClock, sink: JsonlSink) -> None:
    """Hand everything over in the order of its time, then end what runs.

    Whichever of the two ends long before the other is a sensor that is lost. Also where the recording breaks off all
    that runs is ended; its MediaError is raised then.
    """
    from emoedge.fusion.mind import CAMERA, MICROPHONE
    from emoedge.messages import Frame
    from emoedge.sources.replay import as_far_as_it_goes, merge

    def tell(events: list[Event]) -> None:
        for event in events:
            clock.set(max(clock.monotonic(), event.at))
            sink.event(event)

    at = 0.0
    problems: list[MediaError] = []
    for item in as_far_as_it_goes(merge(film, sound), problems):
        at = max(at, item.at)
        for name, reel in ((CAMERA, film), (MICROPHONE, sound)):
            if (end := reel.over(at)) is not None:
                tell(pipeline.end(name, end))
        tell(pipeline.frame(item) if isinstance(item, Frame) else pipeline.audio(item))
    tell(pipeline.finish(at))
    if problems:
        raise problems[0]
