"""`emoedge demo`: the bundled clip through the real pipeline and a real broker, shown as it arrives."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from emoedge.errors import DeliveryError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from emoedge.app import App
    from emoedge.config import Config
    from emoedge.outputs.subscriber import Subscriber
    from emoedge.outputs.topics import Topics

PORT = 1883
"""MQTT's own port, where --broker names none."""

LIMIT = 22.0
"""Seconds from the first frame; the clip has 15. Whatever happens, the whole command stays under 30 s."""

GRACE = 3.0
"""Seconds without the broker, or without the device's last words, after which the broker counts as lost."""

POLL = 0.2
"""Seconds between two looks at whether the pipeline still runs."""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        "demo",
        help="play a bundled clip and show its events as they arrive over MQTT",
        description="Play the bundled clip through the real pipeline and a real MQTT connection, and print each "
        "event as a subscriber receives it. Needs neither camera, microphone nor configuration; ends by itself.",
    )
    parser.add_argument(
        "--broker", metavar="HOST[:PORT]", type=address, help="use this broker (default: one inside the command)"
    )
    parser.set_defaults(execute=execute)


def address(text: str) -> tuple[str, int]:
    """Host and port of `HOST`, `HOST:PORT`, `[V6]` or `[V6]:PORT`; argparse's error where it is none of them."""
    from emoedge.config.rules import is_name
    from emoedge.sources.address import shown

    host, port = text, ""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest[1:] if rest.startswith(":") else rest and "?"
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
        port = port or "?"
    if not is_name(host) or "/" in host or any(c.isspace() for c in host):
        raise argparse.ArgumentTypeError(f"{shown(text)!r}: expected HOST or HOST:PORT, e.g. 192.168.1.10:1883")
    if port and not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise argparse.ArgumentTypeError(f"{shown(text)!r}: expected a port from 1 to 65535 after the colon")
    return host, int(port) if port else PORT


def execute(args: argparse.Namespace) -> int:
    """Run the demo; raises DeliveryError where there is no broker, ModelError where there is no model."""
    from emoedge.ops.identity import machine_suffix
    from emoedge.ops.signals import heed, interrupt
    from emoedge.outputs.embedded_broker import HOST, EmbeddedBroker
    from emoedge.outputs.subscriber import Subscriber
    from emoedge.outputs.topics import Topics

    # Not random: a broker of one's own keeps the retained topics of one demo device, not of every run.
    topics = Topics("emoedge", f"demo-{machine_suffix()}")
    heed(interrupt)
    with contextlib.ExitStack() as stack:
        assets = stack.enter_context(resources.as_file(resources.files("emoedge") / "assets"))
        if args.broker is None:
            host, port = HOST, stack.enter_context(EmbeddedBroker()).port
        else:
            host, port = args.broker
        subscriber = stack.enter_context(Subscriber(host, port, topics.of("#")))
        # The embedded broker does not answer MQTT 5 at all, which the daemon would wait for.
        app = _daemon(configuration(assets, host, port, topics), mqtt5=args.broker is not None)
        print(
            "A clip of 15 s plays as a camera and a microphone: a person comes, changes expression, speaks, leaves.\n"
            f"Every line below came over MQTT from {subscriber.broker}"
            f"{' (a broker inside this command)' if args.broker is None else ''}, topics {topics.of('#')}\n",
            flush=True,
        )
        _play(app, subscriber, topics)
    print(next_steps(program(), args.broker))
    return 0


def configuration(assets: Path, host: str, port: int, topics: Topics) -> Config:
    """What the demo runs with: the defaults, and the clip in `assets` as camera and microphone."""
    from emoedge.config import default_config

    return default_config(
        "demo",
        overrides={
            "device.id": topics.device,
            "camera.source": str(assets / "demo.mp4"),
            "microphone.source": str(assets / "demo.wav"),
            "mqtt.host": host,
            "mqtt.port": port,
            "mqtt.base": topics.base,
            "home_assistant.enabled": False,
            "log.level": "error",
        },
    )


def program() -> str:
    """How this program was called, as it can be typed again."""
    called = Path(sys.argv[0])
    if called.name != "emoedge" or shutil.which("emoedge") == str(called):
        return "emoedge"
    try:
        return os.path.relpath(called) if called.is_relative_to(Path.cwd()) else str(called)
    except FileNotFoundError:  # the working directory was removed
        return str(called)


def next_steps(emoedge: str, broker: tuple[str, int] | None) -> str:
    """What the reader may try now; `emoedge` is how the program is called."""
    host, number = ("HOST", PORT) if broker is None else broker
    option, key = ("", "") if number == PORT else (f" -p {number}", f", port: {number}")
    return f"""
What next
  own broker     {emoedge} demo --broker HOST[:PORT]     watch it: mosquitto_sub -h {host}{option} -v -t 'emoedge/#'
  own camera     {emoedge} devices     lists cameras and microphones with the names to configure
  configure      a file config.yaml; these keys are enough, config.yaml in the sources explains all:
                     deployment: {{context: home}}
                     camera: {{source: /dev/video0}}
                     microphone: {{source: default}}
                     mqtt: {{host: {host}{key}}}
  run            {emoedge} check --config config.yaml && {emoedge} run --config config.yaml
Emotion recognition is restricted by law, above all at work and in education: docs/law.md"""


def _daemon(config: Config, *, mqtt5: bool) -> App:
    """The same daemon as `run` starts; raises ModelError."""
    from emoedge.build import build_app
    from emoedge.commands.run import start_log
    from emoedge.ops.clock import SystemClock
    from emoedge.threads import bound_threads

    start_log(config.log.level)
    bound_threads(config.models.threads)
    return build_app(config, SystemClock(), once=True, mqtt5=mqtt5)


def _play(app: App, subscriber: Subscriber, topics: Topics) -> None:
    """Run the daemon beside, and print what arrives until it has said goodbye."""
    stop = threading.Event()
    with ThreadPoolExecutor(1, "pipeline") as pool:
        run = pool.submit(app.run, stop, until_ended=True)
        try:
            _show(app, run, subscriber, topics, stop)
        finally:
            stop.set()
        run.result()


def _show(app: App, run: Future[None], subscriber: Subscriber, topics: Topics, stop: threading.Event) -> None:
    """Print what arrives until the device is offline.

    Raises DeliveryError where the broker is lost on the way, or never takes what the device tells.
    """
    from emoedge.outputs.lines import line_of

    prefix = topics.of("")
    limit, heard, told, offline = time.monotonic() + LIMIT, time.monotonic(), False, False
    while True:
        message = subscriber.take(POLL)
        now = time.monotonic()
        # Until it has ended, the time of the last word is not counted, only that of the last connection.
        if message is not None or (subscriber.connected and not run.done()):
            heard = now
        if message is not None and not message.retained:
            told = True
            line = line_of(message.topic.removeprefix(prefix), message.payload)
            if line is not None:
                print(line, flush=True)
            if message.topic == topics.status:
                offline = message.payload == b"offline"
        if run.done() and (run.exception() is not None or (offline and message is None and subscriber.connected)):
            return
        if now - heard > GRACE:
            if not told and app.broker_problem is not None:
                raise DeliveryError(f"broker {subscriber.broker}: {app.broker_problem}")
            raise DeliveryError(f"broker {subscriber.broker} was lost while the clip played")
        if now > limit:
            stop.set()
