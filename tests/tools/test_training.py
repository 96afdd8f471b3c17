"""What every training shares: checkpoints, progress, history, the rate, batches prepared ahead."""

import ast
import importlib.util
import io
from pathlib import Path

import numpy as np
import pytest
from workbench import training
from workbench.recipes import MODALITIES, RECIPES, SYSTEMS, face, face_plans, recipe


@pytest.mark.parametrize(
    ("told", "able"),
    [("flags\t\t: fpu avx2 fma\n", False), ("flags : avx512f avx512_bf16 fma\n", True), ("flags : amx_bf16\n", True),
     ("flags : avx512_bf16x\n", False), (None, False)],
)  # fmt: skip
def test_a_processor_has_bfloat16_only_where_it_says_so(tmp_path, told, able):
    path = tmp_path / "cpuinfo"
    if told is not None:
        path.write_text(told)
    assert training.has_bfloat16(path) is able


def test_a_checkpoint_gives_back_what_was_saved(tmp_path):
    groups = {
        "weights": [np.arange(i + 1, dtype=np.float32) for i in range(12)],
        "velocity": [np.eye(2), np.array([3.5])],
    }
    training.save_checkpoint(tmp_path, groups, {"history": [{"epoch": 1, "loss": 0.25}]})
    arrays, state = training.load_checkpoint(tmp_path)
    assert state == {"history": [{"epoch": 1, "loss": 0.25}]}
    assert list(arrays) == sorted(groups)
    for name, group in groups.items():
        assert all(np.array_equal(a, b) for a, b in zip(arrays[name], group, strict=True))


def test_a_checkpoint_that_fails_to_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    training.save_checkpoint(tmp_path, {"weights": [np.ones(3)]}, {"epoch": 1})

    def full(*_, **__):
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="no space"):
        training.save_checkpoint(tmp_path, {"weights": [np.zeros(3)]}, {"epoch": 2})
    monkeypatch.undo()
    arrays, state = training.load_checkpoint(tmp_path)
    assert state == {"epoch": 1}
    assert arrays["weights"][0].tolist() == [1, 1, 1]


def test_a_run_is_not_overwritten_unless_resumed(tmp_path):
    assert training.checkpoint_or_fresh(tmp_path, resume=True) is None
    assert training.checkpoint_or_fresh(tmp_path, resume=False) is None
    training.save_checkpoint(tmp_path, {"weights": [np.ones(1)]}, {})
    with pytest.raises(FileExistsError, match="--resume"):
        training.checkpoint_or_fresh(tmp_path, resume=False)
    assert training.checkpoint_or_fresh(tmp_path, resume=True) is not None


def test_history_and_curve_are_written(tmp_path):
    rows = [{"epoch": float(i), "rate": 0.1, "loss": 1 / i, "held": 0.1 * i} for i in range(1, 4)]
    training.write_history(tmp_path, rows)
    assert (tmp_path / training.HISTORY).read_text().splitlines()[0] == "epoch,rate,loss,held"
    assert (tmp_path / training.CURVE).read_bytes().startswith(b"\x89PNG")


def test_progress_redraws_on_a_terminal_only():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for stream, drawn in ((Terminal(), True), (io.StringIO(), False)):
        progress = training.Progress(epoch=2, epochs=5, steps=4, stream=stream)
        for step in range(4):
            progress.update(step + 1, loss=0.5)
        progress.done(loss=0.25)
        text = stream.getvalue()
        assert ("4/4" in text) is drawn
        assert text.endswith("loss 0.2500\n")
        assert "epoch 2/5" in text


def test_the_rate_warms_up_and_falls_to_nothing():
    rates = [face_plans.fall(e / 10, 20) for e in range(201)]
    peak = int(np.argmax(rates))
    assert rates[0] < 0.1
    assert rates[peak] == pytest.approx(1)
    assert peak == pytest.approx(10 * face_plans.WARM)
    assert all(a > b for a, b in zip(rates[peak:], rates[peak + 1 :], strict=False))
    assert rates[-1] == pytest.approx(0, abs=1e-9)


def test_batches_come_in_order_and_all():
    batches = [(np.array([float(i)]),) for i in range(20)]
    assert [b[0][0] for b in face._ahead(iter(batches))] == list(range(20))


def test_an_error_while_preparing_reaches_the_trainer():
    def batches():
        yield (np.zeros(1),)
        raise ValueError("bad picture")

    with pytest.raises(ValueError, match="bad picture"):
        list(face._ahead(batches()))


def test_leaving_early_ends_the_preparing_thread():
    made = []

    def batches():
        for i in range(10_000):
            made.append(i)
            yield (np.zeros(1),)

    ahead = face._ahead(batches())
    next(ahead)
    ahead.close()
    count = len(made)
    assert count < 20
    assert len(made) == count


@pytest.mark.parametrize(("system", "modality"), sorted(RECIPES))
def test_every_recipe_can_train(system, modality):
    """Read, not imported: a recipe may need TensorFlow as soon as it is."""
    assert modality in MODALITIES
    assert system in SYSTEMS
    source = Path(importlib.util.find_spec(RECIPES[system, modality]).origin).read_text()
    functions = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    assert "train" in functions


def test_a_system_without_a_recipe_is_named():
    with pytest.raises(LookupError, match="system Z has no face recipe"):
        recipe("Z", "face")
