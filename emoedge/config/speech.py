"""Section `speech`."""

from __future__ import annotations

from dataclasses import dataclass

from emoedge.config.setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechConfig:
    """How voices are found and judged."""

    hop: float = setting(
        0.5, minimum=0.1, maximum=10, unit="s", help="Time between two classified windows while somebody speaks."
    )
    gate_open: float = setting(
        0.5, minimum=0, maximum=1, help="The voice gate opens at this mean voice probability ..."
    )
    gate_close: float = setting(
        0.3, minimum=0, maximum=1, help="... and may shut below this one; never above `gate_open`."
    )
    gate_onset: float = setting(0.1, minimum=0.02, maximum=5, unit="s", help="Sound that this mean is taken over.")
    gate_hang_over: float = setting(
        0.4, minimum=0, maximum=10, unit="s", help="Time without voice after which the gate shuts."
    )
    min_voice: float = setting(
        0.3, minimum=0, maximum=10, unit="s",
        help="A window with less voice in it is not classified (`no_voice`); less than the model's window.",
    )  # fmt: skip
    min_snr: float = setting(
        3.0, minimum=0, maximum=60, unit="dB", help="Voice this little over the noise is not classified (`low_snr`) ..."
    )
    good_snr: float = setting(20.0, minimum=0, maximum=60, unit="dB", help="... and from here on counts in full.")
    max_clipped: float = setting(
        0.05, minimum=0, maximum=1,
        help="A window with a greater share of clipped samples is not classified (`clipped`).",
    )  # fmt: skip
