"""`tools/models.py`: every program that it runs takes the words that it is given; it goes on where it stood."""

import subprocess
import sys
from pathlib import Path

import pytest

import models

TOOLS = Path(__file__).resolve().parents[2] / "tools"


@pytest.mark.parametrize("step", models.STEPS, ids=lambda step: step.name)
def test_each_step_names_a_program_and_options_that_it_has(step, tmp_path):
    out = tmp_path / "a folder"
    for name in ("labels.txt", "dimensions.txt", "front_end.txt"):
        (out / "speech").mkdir(parents=True, exist_ok=True)
        (out / "speech" / name).write_text("told\n")
    _, program, *words = step.command(tmp_path, out)
    verb = words[:1] if program.endswith(("convert.py", "evaluate_fusion.py")) else []
    text = subprocess.run([sys.executable, program, *verb, "--help"], capture_output=True, text=True, check=True).stdout
    for word in words:
        if word.startswith("--"):
            assert word in text, f"{program} has no {word}"
        assert "{" not in word
        assert "$(" not in word


def test_every_measured_file_is_made_by_a_step():
    made = {Path(step.words.split("--output ")[-1]).name for step in models.STEPS}
    assert {*models.FIGURES, *models.NETS} <= made
    assert all((folder / name).is_file() for name, folder in models.NETS.items())


@pytest.fixture
def program(tmp_path):
    """Notes its first word in the file `calls` beside it, and exits with its second."""
    path = tmp_path / "note.py"
    path.write_text(f"import sys; open({str(tmp_path / 'calls')!r}, 'a').write(sys.argv[1]); sys.exit(int(sys.argv[2]))")
    return path


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Runs steps in the place of the shipped ones; returns the exit code."""
    (tmp_path / "speech").mkdir()
    for name in ("fer2013.npz", "speech/labels.csv"):
        (tmp_path / name).touch()
    monkeypatch.setattr(models, "FIGURES", {})

    def made(*steps, more=()):
        monkeypatch.setattr(models, "STEPS", steps)
        return models.main(["--data", str(tmp_path), "--output", str(tmp_path / "out"), *more])

    return made


def test_a_step_that_was_done_is_not_done_again(tmp_path, program, make, capsys):
    calls = tmp_path / "calls"

    def run(*steps):
        return make(*(models.Step(name, f"{program} {name} {code}", gate=gate) for name, code, gate in steps))

    assert run(("a", 0, False), ("b", 1, False), ("c", 0, False)) == 1
    assert calls.read_text() == "ab"
    assert "b ended with 1; start again" in capsys.readouterr().err
    assert run(("a", 0, False), ("b", 0, False), ("c", models.GATE_FAILED, True)) == 0
    assert calls.read_text() == "abbc"
    assert run(("a", 0, False), ("c", models.GATE_FAILED, False)) == 0, "done before, with the same words"
    assert calls.read_text() == "abbc"


def test_what_was_built_on_a_step_is_made_anew_with_it():
    by_name = {step.name: step for step in models.STEPS}
    assert [step.name for step in models._built_on(by_name["face-fer2013.tflite"])] == ["face-fer2013.tflite, reliability"]
    after = [step.name for step in models._built_on(by_name["face, settled"])]
    assert after == [name for name in by_name if name.startswith(("face.tflite", "face-fer2013"))]
    assert [step.name for step in models._built_on(by_name["speech"])] == ["speech.tflite"]
    assert [step.name for step in models._built_on(by_name["speech, embedding"])] == ["speech", "speech.tflite"]
    assert models._built_on(by_name["likeness"]) == []


def test_a_changed_step_takes_what_follows_with_it(tmp_path, program, make, capsys):
    calls = tmp_path / "calls"

    def run(letter, *, resumable=()):
        return make(
            models.Step("first", f"{program} {letter} 0 --output {{out}}/one", resumable="first" in resumable),
            models.Step("second", f"{program} s 0 --start {{out}}/one", resumable="second" in resumable),
            models.Step("third", f"{program} t 0 {{out}}/two"),
        )

    assert run("a") == run("a") == 0
    assert calls.read_text() == "ast"
    assert run("b") == 0
    assert calls.read_text() == "astbs", "the third does not depend on it"
    for which in ("first", "second"):
        assert run("c", resumable={which}) == 2, "a folder that holds another run must not be gone on with"
        assert f".{which}.done" in capsys.readouterr().err
    assert calls.read_text() == "astbs"


def test_the_speech_model_is_taught_by_the_gate_that_is_installed(tmp_path, make, monkeypatch):
    names = [step.name for step in models.STEPS]
    assert names.index("voice gate") < names.index("speech")
    assert models.STEPS[names.index("speech")].net == "voice_net.npz"
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    (shipped / "voice_net.npz").write_text("old")
    monkeypatch.setattr(models, "NETS", {"voice_net.npz": shipped})
    copy = tmp_path / "copy.py"
    copy.write_text("import shutil, sys; shutil.copyfile(sys.argv[1], sys.argv[3])")
    (tmp_path / "new").write_text("new")
    steps = [models.Step("gate", f"{copy} {tmp_path / 'new'} --output {{out}}/voice_net.npz"),
             models.Step("speech", f"{copy} {shipped / 'voice_net.npz'} --output {{out}}/heard", net="voice_net.npz"),
             models.Step("converted", f"{copy} {{out}}/heard --output {{out}}/file")]  # fmt: skip
    assert make(*steps) == 0
    assert (tmp_path / "out" / "file").read_text() == "old"
    assert make(*steps, more=["--install"]) == 0
    assert (tmp_path / "out" / "file").read_text() == "new", "what was taught by another gate is made anew"


def test_missing_data_is_one_line(tmp_path, capsys):
    assert models.main(["--data", str(tmp_path)]) == 2
    assert "lacks fer2013.npz, speech/labels.csv" in capsys.readouterr().err
