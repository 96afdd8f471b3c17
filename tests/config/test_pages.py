"""The pages written by hand: their links lead somewhere, their configurations load, their commands can be typed."""

import json
import re
import wave
from pathlib import Path

import cv2
import jsonschema
import numpy as np
import pytest
from workbench.data import faces

from emoedge.config import Config, load
from emoedge.config.key import section
from emoedge.outputs.schema_files import schema

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
ASSETS = ROOT / "emoedge" / "assets"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
names = [str(page.relative_to(ROOT)) for page in PAGES]


def blocks(page, language):
    return [text for kind, text in BLOCK.findall(page.read_text()) if kind == language]


def anchors(page):
    """As GitHub makes them of headings."""
    text = BLOCK.sub("", page.read_text())
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", page.read_text())):
        path, _, anchor = target.partition("#")
        if path.startswith("http"):
            continue
        file = page.parent / path if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_a_key_or_file_that_is_named_is_there(page):
    keys = {key.name for key in section(Config).walk()}
    groups = {name.partition(".")[0] for name in keys}
    for words in re.findall(r"`([^`\n]+)`", page.read_text()):
        named = re.match(r"([a-z_]+)\.([a-z_]+)(?![\w.*])", words)
        if named and named[1] in groups and named[2] not in {"corrupt", "tflite"}:
            assert named[0] in keys, words
        if re.fullmatch(r"(tools|tests|docs|systemd|models)/[\w./-]+", words):
            assert (ROOT / words).exists(), words


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_tools_are_called_with_the_python_that_has_what_they_need(page):
    for block in blocks(page, "sh") + blocks(page, ""):
        for line in block.splitlines():
            assert not re.match(r"\s*(python3? |tools/\w+\.py)", line), line
            if re.search(r"tools/(train\w*|convert)\.py", line):
                assert ".venv-train/bin/python tools/" in line, line


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_configurations_load(page, tmp_path):
    for block in blocks(page, "yaml"):
        path = tmp_path / "my.yaml"
        path.write_text(block)
        load(path)


def test_the_event_on_the_first_page_is_one():
    (text,) = re.findall(r"/event (\{.*?\})\n```", (ROOT / "README.md").read_text(), re.DOTALL)
    jsonschema.validate(json.loads(text.replace("\n", "")), schema("event"))


@pytest.mark.parametrize("loudness", [1, 0], ids=["speech", "silence"])
def test_the_python_on_the_page_of_classify_runs(loudness, tmp_path, monkeypatch, capsys):
    (code,) = blocks(ROOT / "docs" / "classify.md", "python")
    film = cv2.VideoCapture(str(ASSETS / "demo.mp4"))
    film.set(cv2.CAP_PROP_POS_FRAMES, 60)
    _, picture = film.read()
    with wave.open(str(ASSETS / "demo.wav")) as sound:
        heard = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2") * loudness
        times = np.arange(0, len(heard) / sound.getframerate(), 1 / 44100) * sound.getframerate()
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("me.jpg", picture)
    given = {"picture": picture, "cut_out": picture, "samples": np.interp(times, np.arange(len(heard)), heard / 32768)}
    exec(code, given)
    assert "Box(" in capsys.readouterr().out
    said = given["said"]
    assert said.as_dict()["modality"] == "speech"
    assert (said.scores is not None) == bool(loudness)


def test_drop_ins_of_the_package_are_where_the_page_says():
    (place,) = re.findall(r"DOC=(\S+)", (ROOT / "tools" / "deb.sh").read_text())
    assert f"`/{place}/examples/`" in (ROOT / "docs" / "service.md").read_text()


def test_the_python_on_the_page_of_data_makes_a_pack(tmp_path, monkeypatch):
    (code,) = blocks(ROOT / "docs" / "data.md", "python")
    images = np.random.default_rng(1).integers(0, 256, (3, 48, 48), dtype=np.uint8)
    rows = zip((3, 0, 6), images, ("Training", "PublicTest", "PrivateTest"), strict=True)
    lines = [f"{label},{' '.join(map(str, image.ravel()))},{usage}" for label, image, usage in rows]
    (tmp_path / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *lines]) + "\n")
    columns = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    lines = [
        "Training,fer0.png,1,9,0,0,0,0,0,0,0,0",
        "PublicTest,fer1.png,1,0,0,1,8,0,0,0,0,0",
        "PrivateTest,,0,0,0,0,0,0,0,0,0,10",
    ]
    (tmp_path / "fer2013new.csv").write_text("\n".join([columns, *lines]) + "\n")
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    pack = faces.load(tmp_path / "fer2013.npz")
    np.testing.assert_array_equal(pack.images, images)
    assert pack.labels.tolist() == [3, 0, 6]
    assert pack.split.tolist() == [faces.TRAINING, faces.REPORTED, faces.KEPT]
    assert faces.majority(pack.votes).tolist() == [3, 0, -1]
