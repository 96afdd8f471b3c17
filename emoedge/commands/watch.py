"""`emoedge watch`: the fleet live in a terminal."""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING

from emoedge.commands import config_option
from emoedge.errors import ConfigError

if TYPE_CHECKING:
    from emoedge.config.outputs import MqttConfig
    from emoedge.outputs.endpoint import Endpoint


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = subparsers.add_parser(
        "watch",
        help="show a fleet of devices live in the terminal",
        description="Show one row for each device on a broker, those that detect nothing first, and their events "
        "below; where stdout is no terminal, a line for each event. A broker that is not there is waited for. "
        "Ends with Ctrl-C.",
    )
    parser.add_argument("--host", metavar="HOST[:PORT]", type=address, help="broker (default: that of --config)")
    parser.add_argument("--device", metavar="ID", type=device_id, help="show this device only")
    parser.add_argument(
        "--username", metavar="U",
        help="login name (default: that of --config); the password comes from where --config says, else from the "
        "keyboard",
    )  # fmt: skip
    config_option(parser, searched=False)
    parser.set_defaults(execute=execute)


def address(text: str) -> tuple[str, int | None]:
    """Host, and port where one is named; argparse's error where it is neither."""
    from emoedge.commands.demo import address as host_and_port

    host, port = host_and_port(text)
    return host, port if re.fullmatch(r"([^:]+|\[.*\]):\d+", text) else None


def device_id(text: str) -> str:
    """A device id; argparse's error where it is none."""
    from emoedge.outputs.topics import DEVICE_ID

    if not DEVICE_ID.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r}: expected up to 64 of a-z, 0-9 and inner hyphens")
    return text


def execute(args: argparse.Namespace) -> int:
    """Watch until Ctrl-C, SIGTERM or SIGHUP; raises ConfigError."""
    from emoedge.config import default_config, load
    from emoedge.config.origin import pointing
    from emoedge.ops.signals import heed, interrupt
    from emoedge.watch.lookout import Lookout
    from emoedge.watch.reception import Reception
    from emoedge.watch.terminal import Terminal, can_draw

    given = {} if args.username is None else {"mqtt.username": args.username}
    config = default_config() if args.config is None else load(args.config, overrides=given, require_context=False)
    with pointing(args.config):
        endpoint = broker(config.mqtt, args.host, args.username)
    heed(interrupt)
    try:
        with Reception(endpoint, config.mqtt.base, args.device) as reception:
            lookout = Lookout(reception, config.mqtt.base, endpoint.address)
            if can_draw(sys.stdout):
                lookout.draw(Terminal(sys.stdout))
            else:
                lookout.tell()
    except KeyboardInterrupt:
        return 0
    return 0


def broker(config: MqttConfig, host: tuple[str, int | None] | None, username: str | None) -> Endpoint:
    """Where and as whom to connect: the daemon's own settings, unless the command line says otherwise."""
    from emoedge.ops.credentials import mqtt_password
    from emoedge.outputs.endpoint import Endpoint
    from emoedge.outputs.tls import tls_context

    name, port = (config.host, None) if host is None else host
    if name == "none":
        raise ConfigError(["mqtt.host: none: there is no broker to watch; name one with --host"])
    password = mqtt_password(config)
    if username is not None and password is None and sys.stdin.isatty():
        from getpass import getpass

        try:
            password = getpass(f"Password of {username}: ")
        except EOFError:  # Ctrl-D instead of one
            raise KeyboardInterrupt from None
    return Endpoint(
        host=name, port=port or config.port, client_id="", keepalive=config.keepalive,
        username=username or config.username, password=password, tls=tls_context(config),
    )  # fmt: skip
