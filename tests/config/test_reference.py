"""The generated config.yaml loads, holds every key, and the check notices a stale page."""

import importlib.util
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from emoedge.audio.parameters import SpeechParameters
from emoedge.config import Config, default_config, load
from emoedge.config.key import section
from emoedge.inference.spec import FACE_FRONT_ENDS, SPEECH_FRONT_ENDS
from emoedge.vision.crop import DEFAULTS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def reference():
    spec = importlib.util.spec_from_file_location("reference", ROOT / "tools" / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_written_config_is_the_defaults(reference, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(reference.config_yaml())
    assert load(path) == default_config(reference.CONTEXT)


def test_written_config_names_every_key_with_its_explanation(reference):
    text = reference.config_yaml()
    tree = yaml.safe_load(text)
    flat = " ".join(line.strip().lstrip("# ") for line in text.splitlines())
    for key in section(Config).walk():
        *groups, leaf = key.name.split(".")
        node = tree
        for group in groups:
            node = node[group]
        assert leaf in node, key.name
        assert key.help in flat, key.name


def test_pages_name_every_key_verb_and_schema(reference):
    for key in section(Config).walk():
        assert f"| `{key.leaf}` |" in reference.config_page()
    page = reference.cli_page()
    assert "## `emoedge check [--config F]`" in page
    assert "## `emoedge devices [--json]`" in page
    assert "[--config F] FILE...`" in page, "an argument that may be repeated"
    searched = [line[4:].split()[1] for line in page.splitlines() if line.startswith("## ")]
    searched = [verb for verb in searched if "(default: ./config.yaml" in page.partition(f"## `emoedge {verb} ")[2].partition("## ")[0]]
    said = reference.config_page().partition(" read `--config F`")[0].rpartition("\n")[2]
    assert said == ", ".join(f"`{verb}`" for verb in searched[:-1]) + f" and `{searched[-1]}`"
    schemas = {path.stem for path in (ROOT / "emoedge" / "outputs" / "schemas").glob("*.json")}
    assert {line[4:-1] for line in reference.payload_page().splitlines() if line.startswith("## ")} == schemas


def test_the_page_on_front_ends_names_each_with_its_parameters(reference):
    page = reference.PAGES["docs/front-ends.md"]()
    for name in FACE_FRONT_ENDS + SPEECH_FRONT_ENDS:
        assert f"`{name}`" in page
    for key in DEFAULTS:
        assert f"`{key}`" in page
    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    for key in fields(SpeechParameters):
        assert rows[key.name].count(" | ") == 3, "name, default, range and meaning"
    assert "| `floor` | `none` | -200 to 0, or `none` | Decibels" in page
    assert "`mels` (`128`), `fmin` (`0`)" in page, "a front end's own defaults"


def test_check_fails_on_a_stale_page_and_writing_heals_it(reference, tmp_path, capsys):
    assert reference.main(["--check", "--root", str(tmp_path)]) == 1
    assert not list(tmp_path.iterdir())
    assert reference.main(["--root", str(tmp_path)]) == 0
    assert reference.main(["--check", "--root", str(tmp_path)]) == 0
    (tmp_path / "config.yaml").write_text("old")
    capsys.readouterr()
    assert reference.main(["--check", "--root", str(tmp_path)]) == 1
    assert "config.yaml" in capsys.readouterr().out
