"""Which clips a speech recipe learns from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.data.speech import parts as parts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.data.speech import Clip


def split(clips: Sequence[Clip], variant: str) -> dict[str, list[int]]:
    """Rows of `clips`: `train`, `validation`, `test`, and `unseen` where the variant leaves a corpus out.

    Raises ValueError for a variant that is not `without-` and a corpus of the clips.
    """
    out = variant.removeprefix("without-")
    corpora = {clip.dataset for clip in clips}
    if variant and (out == variant or out not in corpora):
        known = ", ".join(f"without-{name}" for name in sorted(corpora))
        raise ValueError(f"no variant {variant!r}; there are {known}")
    parts: dict[str, list[int]] = {"train": [], "validation": [], "test": [], "unseen": []}
    for row, (clip, part) in enumerate(zip(clips, parts_of(clips), strict=True)):
        parts["unseen" if variant and clip.dataset == out else part].append(row)
    if not parts["train"]:
        raise ValueError("no clip is left to train on")
    return {name: rows for name, rows in parts.items() if rows}
