"""`emoedge view`: the live picture with boxes, labels, bars and a timeline, as a page or into a file."""

from __future__ import annotations

import argparse
import ipaddress
import sys
import threading

from emoedge.commands import config_option


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        "view",
        help="show the live picture, both senses and the fused belief as a page",
        description="Show what is seen, heard and believed as a page on this machine: the picture with boxes and "
        "labels, bars, and a timeline of face, speech and both together. A film and a sound file are played at "
        "their own speed; the pictures of a folder are shown one by one, each judged by itself. Nothing is stored, "
        "unless --output asks for it. Ctrl-C ends it.",
    )
    parser.add_argument(
        "source", metavar="SOURCE",
        help="a camera (/dev/video0, /dev/v4l/by-id/..., an rtsp:// or http:// address), a film, a picture, a "
        "folder of pictures, a sound file alone, or none",
    )  # fmt: skip
    parser.add_argument(
        "audio", metavar="AUDIO", nargs="?",
        help="a sound file, or a microphone as `emoedge devices` names it (default: none)",
    )  # fmt: skip
    parser.add_argument(
        "--output", metavar="F",
        help="show no page, but write a film (F ends in .mp4) or a folder of PNG pictures, files as fast as it goes",
    )  # fmt: skip
    parser.add_argument("--port", metavar="N", type=port, default=0, help="port of the page (default: a free one)")
    parser.add_argument(
        "--listen", metavar="ADDRESS", type=address, default="127.0.0.1",
        help="let other machines look, too: an address of this one, or 0.0.0.0 for all; the printed URL then holds "
        "a token, without which nothing is shown (default: 127.0.0.1)",
    )  # fmt: skip
    parser.add_argument(
        "--film", action="store_true", help="the pictures of a folder are the frames of a film, at camera.fps"
    )
    parser.add_argument("--crop", action="store_true", help="each picture of a folder is a face already cut out")
    config_option(parser, searched=False)
    parser.set_defaults(execute=execute)


def port(text: str) -> int:
    """A port from 0 to 65535; argparse's error where it is none."""
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a port from 0 to 65535")
    return int(text)


def address(text: str) -> str:
    """An IP address, or `localhost`; argparse's error where it is neither."""
    try:
        return str(ipaddress.ip_address("127.0.0.1" if text == "localhost" else text.strip("[]")))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected an IP address of this machine, or 0.0.0.0") from None


def execute(args: argparse.Namespace) -> int:
    """Show until a signal; raises MediaError, ModelError or ConfigError before anything is shown."""
    from pathlib import Path

    from emoedge.commands.run import start_log
    from emoedge.config import default_config, load
    from emoedge.config.origin import pointing
    from emoedge.ops.signals import heed
    from emoedge.threads import bound_threads

    if args.config is None:
        # Boxes shall keep up with faces; what is believed does not depend on the rate.
        config, base = default_config("demo", overrides={"vision.rate": 0.0}), None
    else:
        config, base = load(args.config, require_context=False), Path(args.config).parent
    bound_threads(config.models.threads)
    from emoedge.view.show import Show, WrongUseError

    show = Show.of(config, base, source=args.source, audio=args.audio, film=args.film, crop=args.crop)
    start_log("warning")
    with pointing(args.config):
        show.check()
    stop = threading.Event()
    heed(stop.set)
    try:
        if args.output is not None:
            show.record(args.output, stop)
        else:
            show.serve(args.listen, args.port, stop, _announce)
    except WrongUseError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _announce(url: str) -> None:
    print(f"{url}\nno picture is stored; Ctrl-C ends it", flush=True)
