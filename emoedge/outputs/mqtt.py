"""The sink that tells a broker: retained state of the device, and every event once and in order."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from emoedge.config.outputs import HomeAssistantConfig
from emoedge.ops.credentials import mqtt_password
from emoedge.outputs import payloads
from emoedge.outputs.board import Board
from emoedge.outputs.commands import CONTROLS
from emoedge.outputs.control_desk import ControlDesk
from emoedge.outputs.control_values import ControlValues
from emoedge.outputs.discovery import birth_topic, discovery, discovery_topic
from emoedge.outputs.dispatch import Dispatch
from emoedge.outputs.endpoint import Endpoint
from emoedge.outputs.ledger import Ledger
from emoedge.outputs.leftovers import Leftovers
from emoedge.outputs.link import REFUSED_WAIT, Link
from emoedge.outputs.log_topic import LogTopic
from emoedge.outputs.message import Message
from emoedge.outputs.outbox import Outbox
from emoedge.outputs.pacing import StatePacer
from emoedge.outputs.rebirth import Rebirth
from emoedge.outputs.schema_files import NAMES, schema
from emoedge.outputs.stamp import Stamp
from emoedge.outputs.tls import tls_context, travels_in_the_clear
from emoedge.outputs.topics import Topics, aggregate_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from emoedge.aggregates.aggregator import Aggregate
    from emoedge.config.outputs import MqttConfig
    from emoedge.messages import Event, Modality, SensorStatus, State
    from emoedge.ops.backoff import Backoff
    from emoedge.outputs.control_desk import ControlPanel
    from emoedge.ports import Clock

log = logging.getLogger(__name__)

STOP_TIMEOUT = 1.5
"""Seconds for the last events and the word `offline`."""


class MqttSink:
    """Publishes the topics of one device; implements the port `Sink`. Never blocks a caller, never raises.

    `device`: id in every topic. `boot_id` names this run (`stamp.new_boot_id()`). `info` returns the
    members of the topic `info` (see `about.py`) and is called on every connect, from the link's thread.
    `outbox`, `values` and `ledger` None keep events, controls and what was retained in memory. `labels`: emotions
    that the loaded models know. `mqtt5` False spares a broker that is known not to speak MQTT 5 the attempt. Raises
    ConfigError where a password or certificate cannot be read. `discreet`: nothing about single people is told, and
    what an earlier run retained about them is taken back.
    """

    def __init__(
        self,
        config: MqttConfig,
        device: str,
        clock: Clock,
        *,
        boot_id: str,
        info: Callable[[], Mapping[str, object]],
        outbox: Outbox | None = None,
        values: ControlValues | None = None,
        ledger: Ledger | None = None,
        home_assistant: HomeAssistantConfig | None = None,
        labels: Sequence[str] = (),
        backoff: Backoff | None = None,
        refused_wait: float = REFUSED_WAIT,
        mqtt5: bool = True,
        discreet: bool = False,
    ) -> None:
        self._discreet = discreet
        self._topics = Topics(config.base, device)
        self._stamp = Stamp(clock, boot_id)
        self._info = info
        self._labels = tuple(labels)
        self._home_assistant = home_assistant or HomeAssistantConfig()
        self._outbox = Outbox(clock) if outbox is None else outbox
        self._board = Board()
        self._pacer = StatePacer()
        self._in_the_clear = travels_in_the_clear(config)
        # The order in which topics are first pinned is the order of every birth: `online` comes first.
        self._board.pin(Message(self._topics.status, b"online", qos=1, retain=True))
        if discreet:
            self._board.pin(Message(self._topics.emotion, b"", qos=1, retain=True))
        self._desk = ControlDesk(
            topics=self._topics, stamp=self._stamp, board=self._board, wake=self._wake,
            values=values or ControlValues(None, log_level="info"), raw_timeout=config.raw_timeout,
            options=lambda: {"labels": list(self._labels)}, discreet=discreet,
        )  # fmt: skip
        self._log_topic = LogTopic(self._topics.log, self._stamp, self._board, self._wake)
        rebirth = Rebirth(birth_topic(self._home_assistant.prefix), self._tell_all)
        listens = (rebirth.topic,) if self._home_assistant.enabled else ()
        endpoint = Endpoint(
            host=config.host, port=config.port, client_id=f"emoedge-{device}", keepalive=config.keepalive,
            username=config.username, password=mqtt_password(config), tls=tls_context(config),
            read=lambda: (mqtt_password(config), tls_context(config)),
        )  # fmt: skip
        self._nameless = endpoint.password is not None and not endpoint.username
        leftovers = Leftovers(
            Ledger(None) if ledger is None else ledger, broker=endpoint.address, topics=self._topics,
            retained=self._retained(), run=boot_id,
        )  # fmt: skip
        self._dispatch = Dispatch(
            topics=self._topics, stamp=self._stamp, board=self._board, pacer=self._pacer, outbox=self._outbox,
            leftovers=leftovers, on_connect=self._tell_info, subscriptions=(*self._desk.topics, *listens),
            subscribers=(self._desk, rebirth), chores=(self._desk, self._log_topic, rebirth),
        )  # fmt: skip
        self._link = Link(
            endpoint, self._dispatch, will=Message(self._topics.status, b"offline", qos=1, retain=True),
            backoff=backoff, refused_wait=refused_wait, mqtt5=mqtt5,
        )  # fmt: skip
        self._outbox.listen(self._link.wake)
        for name in NAMES:
            body = payloads.encode(schema(name))
            self._board.shelve(Message(self._topics.schema(name), body, qos=1, retain=True))

    @property
    def topics(self) -> Topics:
        """The names under which this device speaks."""
        return self._topics

    @property
    def connected(self) -> bool:
        """Whether a broker listens now."""
        return self._link.connected

    @property
    def problem(self) -> str | None:
        """Why there is no connection, one line."""
        return self._link.problem

    @property
    def standstill(self) -> float:
        """Seconds since the connection was last served, 0 without one; infinite where its thread has died."""
        return self._link.standstill

    @property
    def controls(self) -> str:
        """What operators have set and a restart is to keep, as text."""
        return self._desk.kept

    @property
    def problems(self) -> tuple[str, ...]:
        """What an operator should know of delivery, one line each; for `health`."""
        found = (("broker", self._link.problem), ("outbox", self._outbox.problem))
        return tuple(f"{name}: {problem}" for name, problem in found if problem)

    @property
    def queue(self) -> int:
        """Events that the broker has not acknowledged."""
        return len(self._outbox)

    @property
    def drops(self) -> Mapping[str, int]:
        """Totals of what was given up: `events` (a cap), `refused` (by the broker), `notes` (log lines, raw)."""
        return {"events": self._outbox.dropped, "refused": self._dispatch.refused, "notes": self._board.dropped}

    def wait_connected(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for a connection; for commands that cannot do without."""
        return self._link.wait_connected(timeout)

    def attach(self, panel: ControlPanel) -> None:
        """Name who obeys `control/*` and `request/*`; before `start`. `paused` of an earlier run is passed on."""
        self._desk.attach(panel)

    # The port.

    def start(self) -> None:
        """Begin to connect; returns at once, whether there is a broker or not."""
        logging.getLogger("emoedge").addHandler(self._log_topic)
        if self._in_the_clear:
            log.warning("mqtt: what is published can be read on the network; see mqtt.tls")
        if self._nameless:  # a configuration that names a password is refused; this one is systemd's credential
            log.warning("mqtt: the password of the credential is not used: no mqtt.username is set")
        self._outbox.start()
        self._desk.start()
        self._link.start()

    def event(self, event: Event) -> None:
        """Store an event for delivery."""
        if self._discreet:
            return
        self._outbox.put(payloads.event(self._stamp.envelope("event", event.at), event))

    def state(self, state: State) -> None:
        """Take the present state; it is told on change, at most twice a second, at least every ten."""
        if self._discreet:
            return
        now = time.monotonic()
        before = self._pacer.due(now)
        self._pacer.offer(state, now)
        if self._pacer.due(now) < before:
            self._wake()

    def stop(self) -> None:
        """Deliver the last events if that is possible within two seconds, say `offline`, disconnect."""
        self._desk.stop()
        self._link.stop(Message(self._topics.status, b"offline", qos=1, retain=True), STOP_TIMEOUT)
        self._outbox.stop()
        logging.getLogger("emoedge").removeHandler(self._log_topic)

    def aggregate(self, item: Aggregate) -> None:
        """Store figures over many people for delivery: as an event, they are told once, and only they know them."""
        name = aggregate_name(item.minutes)
        self._outbox.put(payloads.aggregate(self._stamp.envelope(name), item), name)

    # What the daemon tells of itself.

    def health(self, report: Mapping[str, object]) -> None:
        """Tell how the device fares: the members of `HealthReport.as_dict()`."""
        self._pin_json(self._topics.health, payloads.health(self._stamp.envelope("health"), report), qos=0)

    def sensor(self, name: str, status: SensorStatus) -> None:
        """Tell the status of the sensor `camera` or `mic`."""
        self._pin(Message(self._topics.sensor(name), status.value.encode(), qos=1, retain=True))

    @property
    def raw_wanted(self) -> bool:
        """Whether somebody has asked for the scores of every inference."""
        return self._desk.raw and not self._discreet

    def raw(
        self, modality: Modality, *, subject: str | None, scores: Mapping[str, float], quality: float, took: float
    ) -> None:
        """Tell one inference, where `raw_wanted`; `took` in milliseconds."""
        if not (self.raw_wanted and self._link.connected):
            return
        envelope = self._stamp.envelope(f"raw/{modality}")
        payload = payloads.raw(envelope, subject=subject, scores=scores, quality=quality, took=took)
        self._board.post(Message(self._topics.raw(modality), payloads.encode(payload)), subject or "")
        self._wake()

    def _retained(self) -> list[str]:
        """All that this device ever leaves at the broker."""
        topics, announced = self._topics, discovery_topic(self._home_assistant.prefix, self._topics.device)
        return [
            topics.status, topics.info, topics.emotion, topics.health, topics.sensor("camera"), topics.sensor("mic"),
            *map(topics.control, CONTROLS), *map(topics.schema, NAMES),
            *([announced] if self._home_assistant.enabled else []),
        ]  # fmt: skip

    def _tell_info(self) -> None:
        """Refresh what may have changed since the last connection."""
        about = self._info()
        self._pin_json(self._topics.info, payloads.info(self._stamp.envelope("info"), about), qos=1)
        topic = discovery_topic(self._home_assistant.prefix, self._topics.device)
        if self._home_assistant.enabled:
            board = str(about.get("board") or "unknown board")
            name = self._home_assistant.name
            shown = discovery(
                self._topics, name=name, labels=self._labels, model=board, people=not self._discreet
            )
            self._pin_json(topic, shown, qos=1)
        else:
            self._pin(Message(topic, b"", qos=1, retain=True))  # takes back what an earlier setting announced

    def _tell_all(self) -> None:
        self._dispatch.tell_all()

    def _pin_json(self, topic: str, payload: Mapping[str, object], *, qos: int) -> None:
        self._pin(Message(topic, payloads.encode(payload), qos=qos, retain=True))

    def _pin(self, message: Message) -> None:
        self._board.pin(message)
        self._wake()

    def _wake(self) -> None:
        self._link.wake()
