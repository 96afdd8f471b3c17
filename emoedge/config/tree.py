"""The whole configuration as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field

from emoedge.config.aggregates import AggregatesConfig
from emoedge.config.camera import CameraConfig
from emoedge.config.cpu import CpuConfig
from emoedge.config.device import DeploymentConfig, DeviceConfig
from emoedge.config.fusion import FusionConfig
from emoedge.config.microphone import MicrophoneConfig
from emoedge.config.models import ModelsConfig
from emoedge.config.outputs import HomeAssistantConfig, JsonlConfig, LogConfig, MqttConfig, OutboxConfig
from emoedge.config.speech import SpeechConfig
from emoedge.config.thermal import ThermalConfig
from emoedge.config.vision import VisionConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything a user can set; each section is documented at its class."""

    deployment: DeploymentConfig
    device: DeviceConfig = field(default_factory=DeviceConfig)
    camera: CameraConfig = field(default_factory=CameraConfig)
    microphone: MicrophoneConfig = field(default_factory=MicrophoneConfig)
    models: ModelsConfig = field(default_factory=ModelsConfig)
    vision: VisionConfig = field(default_factory=VisionConfig)
    speech: SpeechConfig = field(default_factory=SpeechConfig)
    fusion: FusionConfig = field(default_factory=FusionConfig)
    mqtt: MqttConfig = field(default_factory=MqttConfig)
    outbox: OutboxConfig = field(default_factory=OutboxConfig)
    home_assistant: HomeAssistantConfig = field(default_factory=HomeAssistantConfig)
    jsonl: JsonlConfig = field(default_factory=JsonlConfig)
    aggregates: AggregatesConfig = field(default_factory=AggregatesConfig)
    cpu: CpuConfig = field(default_factory=CpuConfig)
    thermal: ThermalConfig = field(default_factory=ThermalConfig)
    log: LogConfig = field(default_factory=LogConfig)
