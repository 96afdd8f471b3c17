"""The page on the classic systems, made of stored results alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.classic_systems import MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.classic_systems import ClassicModel

HEAD = """\
# The classic systems, trained and run

Five systems that most people of this field start from, each trained with one command from its description,
converted to full int8, and run by the daemon. Written by `tools/classic.py table` from
`docs/classic-systems/results.json`; `make classic` measures everything anew (`EMOEDGE_DATA=DIR`).

- **author's division**: as the description has it; for speech that is usually clips at random, so that every
  voice is on both sides, and for faces the checkpoint is chosen on the pictures it is reported on.
- **honest**: speech by speaker (RAVDESS actors 17-20; the second woman of TESS), faces of FER2013 PublicTest
  without those whose pixels also stand in the training part, checkpoint chosen on held-out training rows.
- **int8**: the honest model converted, through the daemon's own runtime, on the same rows.
- accuracy over the canonical emotions that both data and model have; in brackets the unweighted average recall.

"""

RUNNING = """
## How each was trained and converted

The first command trains on the honest division; with `--split author`, and a folder of its own, on the author's. The
second converts the model to int8; where the table says "gate failed" it ends with exit code 3, and the file is written
all the same. To run it live, name the file in the configuration (`none` for the other sense where it shall be alone):

```yaml
deployment: {context: home}
models: {face: runs/classic/D-face.tflite, speech: runs/classic/D-speech.tflite}
```

```sh
.venv/bin/emoedge run --config my.yaml
```
"""


def page(results: Mapping[str, Any]) -> str:
    """The whole page in Markdown."""
    lines = [HEAD, _table(results)]
    missing = [name for key in MODELS if (name := "-".join(filter(None, key))) not in results]
    if missing:
        lines.append(f"\nNot measured yet: {', '.join(missing)}.")
    lines.append(RUNNING)
    for key, model in MODELS.items():
        name = "-".join(filter(None, key))
        row = results.get(name)
        if row is None:
            continue
        epochs = row["author"]["epochs"]
        less = f" ({epochs} of them here)" if epochs != model.epochs else ""
        lines.append(
            f"### {name}\n\nFront end `{model.front_end}`{_learned(model)}; {len(model.labels)} labels, "
            f"{model.epochs} epochs{less}, batch {model.batch}. "
            f"Its author's division: {model.protocol}. The description leaves open, and we chose: {model.open}.\n\n"
            f"```sh\n{command(key, epochs)}\n{conversion(key)}\n```\n\n"
            f"![confusion matrix, author's division](classic-systems/{name}-author-confusion.png)\n"
            f"![confusion matrix, honest](classic-systems/{name}-honest-confusion.png)\n"
            f"![learning curve](classic-systems/{name}-author-curve.png)\n"
        )
    return "\n".join(lines)


def command(key: tuple[str, str, str], epochs: int) -> str:
    """The command that gives a row's honest figures."""
    system, modality, variant = key
    data = "fer2013.npz" if modality == "face" else "speech"
    extra = f" --variant {variant}" if variant else ""
    return (
        f".venv-train/bin/python tools/train.py --system {system} --modality {modality}{extra} "
        f"--data $EMOEDGE_DATA/{data} --epochs {epochs} --split honest --output {_folder(key)}"
    )


def conversion(key: tuple[str, str, str]) -> str:
    """The command that makes of what `command` has trained a file for the daemon."""
    model, folder = MODELS[key], _folder(key)
    front_end = f'"$(cat {folder}/front_end.txt)"' if model.standardise else str(model.front_end)
    kind = f" --output-kind {model.output}" if model.output != "probabilities" else ""
    return (
        f".venv-train/bin/python tools/convert.py convert {folder}/model.keras --modality {key[1]} "
        f"--labels {','.join(model.labels)} --front-end {front_end} --calibrate {folder}/calibration.npz{kind} "
        f"--output runs/classic/{'-'.join(filter(None, key))}.tflite"
    )


def _folder(key: tuple[str, str, str]) -> str:
    return f"runs/classic/{'-'.join(filter(None, key))}-honest"


def _learned(model: ClassicModel) -> str:
    if not model.standardise:
        return ""
    return f", then `mean` and `std` of {'all values' if model.standardise == 'all' else 'each feature'} as learned"


def _table(results: Mapping[str, Any]) -> str:
    head = (
        "| system | parameters | size float32 / int8 | reported | ours, author's division | honest | int8 | "
        "ms a window or face | why the two differ |\n|---|---|---|---|---|---|---|---|---|"
    )
    rows = [_row(name, results[name], key) for key in MODELS if (name := "-".join(filter(None, key))) in results]
    return "\n".join([head, *rows])


def _row(name: str, row: Mapping[str, Any], key: tuple[str, str, str]) -> str:
    model = MODELS[key]
    author, honest, made = row["author"], row["honest"], row["converted"]
    if "refused" in made:
        size, int8, latency = "-", f"refused: {made['refused']}", "-"
    else:
        size = f"{made['size']['float32'] / 1e3:,.0f} / {made['size']['converted'] / 1e3:,.0f} kB"
        int8 = _share(made)
        if not made["parity"]["passed"]:
            int8 += " (gate failed)"
        latency = f"{made['latency_ms']:.2f}"
    own = f"; own {len(model.labels)} labels {author['own_labels_accuracy']:.1%}" if len(model.labels) != 7 else ""
    return (
        f"| {name} | {author['parameters']:,} | {size} | {model.reported} | {_share(author['figures'])}"
        f"{own}; training {author['training_accuracy']:.1%} | {_share(honest['figures'])} | {int8} | {latency} | "
        f"{_why(key, author, honest)} |"
    )


def _share(figures: Mapping[str, float]) -> str:
    return f"{figures['accuracy']:.1%} ({figures['uar']:.1%})"


def _why(key: tuple[str, str, str], author: Mapping[str, Any], honest: Mapping[str, Any]) -> str:
    gap = author["figures"]["accuracy"] - honest["figures"]["accuracy"]
    chance = 1 / len(set(MODELS[key].label_map))
    if author["epochs"] < MODELS[key].epochs and abs(honest["figures"]["uar"] - chance) < 0.001:
        return f"not learned: one label for all after {author['epochs']} of {MODELS[key].epochs} epochs"
    if key[1] == "face":
        return "the epoch was chosen on the reported pictures" if gap > 0.005 else "no gap: the division is fair"
    if "tess" in MODELS[key].corpora:
        return "two women, one phrase: at random, the model knows every voice it is asked about"
    return "at random, every actor is on both sides" if gap > 0.02 else "small data: both are near their limit"
