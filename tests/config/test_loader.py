"""The loader lists every mistake with file, line, key, value and what would be right."""

import os
import textwrap
from pathlib import Path

import pytest

from emoedge.config import default_config, find, load
from emoedge.config.loader import MOST_PROBLEMS, loads
from emoedge.errors import ConfigError

GOOD = "deployment:\n  context: home\n"


def problems(text, **options):
    with pytest.raises(ConfigError) as caught:
        loads(textwrap.dedent(text), "c.yaml", **options)
    return caught.value.problems


def test_smallest_config_has_every_default():
    assert loads(GOOD) == default_config("home")


def test_values_arrive_as_their_types():
    config = loads(
        GOOD + "camera:\n  fps: 10\n  rotate: 90\n  mirror: yes\n  region: 1,2,30,40\nmqtt: {port: 18830, username: a, password: 0123}\n"
    )
    assert (config.camera.fps, type(config.camera.fps)) == (10.0, float)
    assert (config.camera.rotate, config.camera.mirror, config.camera.region) == (90, True, "1,2,30,40")
    assert (config.mqtt.port, config.mqtt.password) == (18830, "0123")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("camera:\n  fps: 500", "c.yaml:4: camera.fps: 500: expected a number from 1 to 120 Hz"),
        ("camera:\n  fps: fast", "c.yaml:4: camera.fps: fast: expected a number from 1 to 120 Hz"),
        ("camera:\n  fps: .nan", "c.yaml:4: camera.fps: .nan: expected a number from 1 to 120 Hz"),
        ("camera:\n  fps: [15]", "c.yaml:4: camera.fps: a list: expected a number from 1 to 120 Hz"),
        ("camera:\n  fps:", "c.yaml:4: camera.fps: : expected a number from 1 to 120 Hz; without the line it is 15"),
        ("camera:\n  rotate: 45", "c.yaml:4: camera.rotate: 45: expected one of 0, 90, 180, 270"),
        ("camera:\n  size: big", "c.yaml:4: camera.size: big: expected WIDTHxHEIGHT in px"),
        ("camera:\n  region: 0,0,0,9", "c.yaml:4: camera.region: 0,0,0,9: expected x,y,width,height with"),
        ("camera:\n  source: off", "c.yaml:4: camera.source: off: expected text; YAML reads off as true or false"),
        ("camera:\n  source: 0", "c.yaml:4: camera.source: 0: expected a stable path instead of a number: /dev/video0"),
        ("camera:\n  source: ftp://x/y", "c.yaml:4: camera.source: ftp://x/***: expected a URL that begins with rtsp://"),
        ("camera:\n  source: rstp://me:pw@cam/1", "c.yaml:4: camera.source: rstp://***@cam/1: expected a URL that begins"),
        ("camera:\n  source: ''", "c.yaml:4: camera.source: '': expected a device path, a URL, a file, or none"),
        ("camera:\n  sorce: x", "c.yaml:4: camera.sorce: x: unknown key; did you mean `source`?"),
        ("camera:\n  dwell: 1", "c.yaml:4: camera.dwell: 1: unknown key; did you mean `fusion.dwell`?"),
        ("camera:\n  zzz: 1", "c.yaml:4: camera.zzz: 1: unknown key; known here: source, size"),
        ("camrea: {}", "c.yaml:3: camrea: a section: unknown key; did you mean `camera`?"),
        ("camera.fps: 3", "c.yaml:3: camera.fps: 3: unknown key; write `fps:` indented under `camera:`"),
        ("camera: 3", "c.yaml:3: camera: 3: expected a section"),
        ("camera:\n  fps: 3\n  fps: 4", "c.yaml:5: camera.fps: duplicate: remove one; the first is on line 4"),
        ("deployment:\n  context: home", "c.yaml:3: deployment: duplicate: remove one; the first is on line 1"),
        ("microphone:\n  source: 2", "c.yaml:4: microphone.source: 2: expected a device's name, not a number"),
        ("microphone:\n  channel: 1.5", "c.yaml:4: microphone.channel: 1.5: expected a whole number from 1 to 32"),
        ("mqtt:\n  port: '1883'", "c.yaml:4: mqtt.port: '1883': expected a whole number from 1 to 65535, without quotes"),
        ("mqtt:\n  port: 18:83", "c.yaml:4: mqtt.port: 18:83: expected a whole number from 1 to 65535"),
        ("mqtt:\n  host: a/b", "c.yaml:4: mqtt.host: a/b: expected a host name or address alone"),
        ("mqtt:\n  host: broker.local:1883", "c.yaml:4: mqtt.host: broker.local:1883: expected a host name or address"),
        ("mqtt:\n  host: broker..local", "c.yaml:4: mqtt.host: broker..local: expected a host name or address"),
        ("mqtt:\n  host: '[::1]'", "c.yaml:4: mqtt.host: [::1]: expected a host name or address alone"),
        ("mqtt:\n  host: " + 64 * "x", f"c.yaml:4: mqtt.host: {57 * 'x'}...: expected a host name or address alone"),
        ("mqtt:\n  host: me@broker.local", "c.yaml:4: mqtt.host: ***@broker.local: expected a host name or address alone (a login"),
        ("mqtt:\n  ca: https://host/ca.pem\n  tls: true", "c.yaml:4: mqtt.ca: https://host/***: expected a file's path"),
        ("mqtt:\n  host: None", "c.yaml:4: mqtt.host: None: expected `none`, in small letters, or a host name"),
        ("mqtt:\n  server_name: ''\n  tls: true", "c.yaml:4: mqtt.server_name: '': expected a host name, such as broker.example.com"),
        ("mqtt:\n  server_name: .a\n  tls: true", "c.yaml:4: mqtt.server_name: .a: expected a host name, such as broker.example.com"),
        ("mqtt:\n  password: abc", "c.yaml:4: mqtt.username: null: expected a login name beside mqtt.password;"),
        ("mqtt:\n  password_file: /x", "c.yaml:4: mqtt.username: null: expected a login name beside mqtt.password_file"),
        ("mqtt:\n  password_env: PW", "c.yaml:4: mqtt.username: null: expected a login name beside mqtt.password_env"),
        ("mqtt:\n  ca: ca.pem", "c.yaml:4: mqtt.tls: false: expected true beside mqtt.ca; without it nothing is encrypted"),
        ("mqtt:\n  key: k\n  tls: no", "c.yaml:5: mqtt.tls: false: expected true beside mqtt.key"),
        ("mqtt:\n  server_name: a", "c.yaml:4: mqtt.tls: false: expected true beside mqtt.server_name; without it nothing"),
        ("mqtt:\n  tls: yes\n  key: k", "c.yaml:5: mqtt.certificate: null: expected the PEM file of this device's"),
        ("vision:\n  minimum_sharpness: 9", "c.yaml:4: vision.minimum_sharpness: 9: expected at most vision.maximum_sharpness,"),
        ("mqtt:\n  base: home/", "c.yaml:4: mqtt.base: home/: expected a topic such as berlin/emoedge, without blanks, +,"),
        ("mqtt:\n  base: $SYS/home", "c.yaml:4: mqtt.base: $SYS/home: expected a topic such as berlin/emoedge, without"),
        ("home_assistant:\n  prefix: a b", "c.yaml:4: home_assistant.prefix: a b: expected a topic such as"),
        ("fusion:\n  forget: 0.1", "c.yaml:4: fusion.forget: 0.1: expected at least 0.2 s, the time between two looks"),
        ("fusion:\n  forget: 0.3", "c.yaml:4: fusion.forget: 0.3: expected at least speech.hop, which is 0.5; else"),
        ("vision: {rate: 1}\nfusion:\n  forget: 0.5", "c.yaml:5: fusion.forget: 0.5: expected at least 1 s, the time"),
        ("fusion:\n  leave: 0.9", "c.yaml:4: fusion.leave: 0.9: expected at most fusion.enter, which is 0.6"),
        ("device:\n  id: Kitchen!", "c.yaml:4: device.id: Kitchen!: expected at most 64 of a-z, 0-9"),
        ("device:\n  id: !!python/name:os.system x", "c.yaml:4: device.id: x: expected a value without a YAML tag"),
        ("aggregates:\n  k: 2", "c.yaml:4: aggregates.k: 2: expected a whole number from 3 to 1000 people"),
        ("aggregates:\n  windows: [1, 7]", "c.yaml:4: aggregates.windows: a list: expected a list of: one of 1, 5, 15"),
        ("aggregates:\n  windows: [5, 5]", "c.yaml:4: aggregates.windows: [5, 5]: expected one or more of 1, 5, 15, each"),
        ("aggregates:\n  windows: []", "c.yaml:4: aggregates.windows: []: expected one or more of 1, 5, 15, each once"),
        ("aggregates:\n  gap: -1", "c.yaml:4: aggregates.gap: -1: expected a number from 0 to 60 s"),
        ("aggregates:\n  only: true", "c.yaml:4: aggregates.only: true: expected false, or `enabled: true` beside it"),
        ("camera: {source: none}\naggregates:\n  enabled: true",
         "c.yaml:5: aggregates.enabled: true: expected false, or a camera in camera.source"),
        ("mqtt: {host: none}\naggregates:\n  enabled: true",
         "c.yaml:5: aggregates.enabled: true: expected false, or a broker in mqtt.host"),
        ("aggregates: {enabled: true, only: true}\njsonl:\n  path: '-'",
         "c.yaml:5: jsonl.path: -: expected null, or aggregates.only: false: each line is about one person"),
        ("? [a, b]\n: 3", "c.yaml:3: a list: not a key: expected the name of a key"),
    ],
)
def test_each_mistake_has_its_line(body, expected):
    found = problems(GOOD + body + "\n")
    assert len(found) == 1, found
    assert found[0].startswith(expected)
    assert "\n" not in found[0]


@pytest.mark.parametrize(
    "body",
    [
        "fusion: {forget: 0.5}", "fusion: {forget: 0.1, dwell: 0.1}", "vision: {rate: 0.1}",
        "fusion: {forget: 0.3}\nmicrophone: {source: none}",
        "vision: {rate: 0}\nfusion: {forget: 0.1}\nmicrophone: {source: none}",
        "camera: {source: none}\nmicrophone: {source: none}\nfusion: {forget: 0.1}",
    ],
)  # fmt: skip
def test_what_is_remembered_until_the_next_look_is_taken(body):
    loads(GOOD + body + "\n")


@pytest.mark.parametrize("host", ["fe80::1%eth0", "::1", "broker.local.", "bröker.example", "my_broker", "10.0.0.1"])
def test_hosts_that_are_taken(host):
    assert loads(GOOD + f"mqtt: {{host: '{host}', port: 1}}\n").mqtt.host == host


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "c.yaml:1: empty"),
        ("# nothing\n", "c.yaml:1: empty"),
        ("---\n", "c.yaml:1: empty"),
        ("just words\n", "c.yaml:1: expected sections"),
        ("- a\n- b\n", "c.yaml:1: expected sections"),
        ("a: b: c\n", "c.yaml:1: not YAML"),
        ("a: [1\nb: 2\n", "c.yaml:2: not YAML"),
        ("a: 1\n\tb: 2\n", "c.yaml:2: not YAML"),
        ("a: 1\n---\nb: 2\n", "c.yaml:2: a second document"),
        ("a: &x 1\nb: *x\n", "c.yaml:2: *...: aliases are not supported"),
        ('a: "\\Uffffffff"\n', "c.yaml: not YAML: "),
        ('a: "\\U00110000"\n', "c.yaml: not YAML: "),
        ("a: \x07\n", "c.yaml:1: character 0x7 may not stand in YAML"),
        ("[" * 2000, "c.yaml:1: nested too deep"),
        ("a: {" * 2000, "c.yaml:1: nested too deep"),
        ("a: [" + "1," * 20000, "c.yaml:1: nested too deep or too long"),
        ("camera:\n  fps: 3\n", "c.yaml:1: deployment.context: missing: expected one of demo, home"),
        ("deployment:\n", "c.yaml:1: deployment.context: missing: expected one of demo, home"),
        ("\n\ndeployment:\n  justification: x\n", "c.yaml:3: deployment.context: missing"),
        ("deployment:\n  context: office\n", "c.yaml:2: deployment.context: office: expected one of demo"),
        ("deployment:\n  context: workplace\n", 'c.yaml:2: deployment.justification: "": expected the medical'),
    ],
)  # fmt: skip
def test_useless_texts_get_one_line(text, expected):
    found = problems(text)
    assert len(found) == 1, found
    assert found[0].replace("''", '""').startswith(expected)


def test_all_mistakes_are_listed_in_the_order_of_the_file():
    found = problems(
        """\
        mqtt:
          port: none
          hots: x
        camera:
          fps: 0
        fusion: {enter: 2, leave: 0.9}
        """
    )
    assert [line.split(":")[1] for line in found] == ["1", "2", "3", "5", "6"]
    assert not any("fusion.leave" in line for line in found), "enter is wrong, so leave cannot be judged by it"


def test_a_wrong_password_is_not_repeated():
    (found,) = problems(GOOD + "mqtt:\n  username: a\n  password: [s3cret]\n")
    assert "s3cret" not in found
    assert "(hidden)" in found
    (found,) = problems(GOOD, overrides={"mqtt.password": "s3cret\n"})
    assert "s3cret" not in found


@pytest.mark.parametrize(
    "line",
    ["mqtt: {pasword: s3cret}", "mqtt: {passwd: s3cret}", "mqtt: {PASSWORD: s3cret}", "mqtt: {paswrod: s3cret}",
     "mqtt.password: s3cret", "password: s3cret", "camera: {api_token: s3cret}"],
)  # fmt: skip
def test_a_password_under_a_wrong_key_is_not_repeated(line):
    (found,) = problems(GOOD + line + "\n")
    assert "s3cret" not in found
    assert "(hidden): unknown key" in found


LOGINS = ("me:s3cret@host", "me:s3cret@host:1883", "me:s3/cr?et@10.0.0.5/live", "me:s3://cret@host", "mqtt:/me:s3cret@host",
          "//me:s3cret@host", "mqtt://me:s3cret@host", "rtspp://me:s3cret@host/1")  # fmt: skip


@pytest.mark.parametrize(
    "key",
    ["mqtt.host", "mqtt.server_name", "mqtt.port", "mqtt.ca", "mqtt.certificate", "mqtt.key", "mqtt.password_file",
     "mqtt.password_env", "camera.source", "microphone.source", "models.face", "models.speech", "jsonl.path",
     "device.id", "camera", "camera.url"],
)  # fmt: skip
@pytest.mark.parametrize("quote", ["", "'"])
def test_a_login_in_any_place_is_refused_and_not_repeated(key, quote):
    for login in LOGINS:
        body = "".join(f"{depth * '  '}{part}:\n" for depth, part in enumerate(key.split(".")))
        found = " ".join(problems(GOOD + f"{body[:-1]} {quote}{login}{quote}\n"))
        assert f" {key}: " in found
        assert not any(part in found for part in ("s3", "cret"))


def test_a_login_as_a_key_or_in_an_override_is_not_repeated():
    assert "s3cret" not in " ".join(problems(GOOD + "mqtt://me:s3cret@host: 1883\nme:s3cret@host: 1\n"))
    assert "s3cret" not in " ".join(problems(GOOD, overrides={"mqtt.host": "me:s3cret@host"}))
    assert "s3cret" not in " ".join(problems(GOOD + "mqtt: {password: *s3cret}\n"))


def test_names_with_an_at_stay_as_they_are():
    config = loads(GOOD + "camera: {source: ./10:00@kitchen.mp4}\nmqtt: {username: me@x.org, ca: /a:b@c.pem, tls: true}\n")
    assert (config.camera.source, config.mqtt.username) == ("./10:00@kitchen.mp4", "me@x.org")


def test_long_values_and_long_lists_are_cut():
    (found,) = problems(GOOD + f"device:\n  id: {'A' * 5000}\n")
    assert len(found) < 250
    many = problems(GOOD + "".join(f"k{i}: 1\n" for i in range(1000)))
    assert len(many) == MOST_PROBLEMS + 1
    assert many[-1] == "c.yaml: and 900 more problems"


@pytest.mark.parametrize("context", ["workplace", "education"])
def test_restricted_contexts_need_a_reason(context):
    text = f"deployment:\n  context: {context}\n  justification: fatigue warning for lorry drivers\n"
    assert loads(text).deployment.context == context
    assert "Art. 5(1)(f)" in problems(text.replace("fatigue warning for lorry drivers", "fun"))[0]


@pytest.mark.parametrize(
    "written", [">\n    a study of\n    tired drivers\n", "|\n    a study of\n    tired drivers\n", "a study of\n    tired drivers"]
)
def test_a_reason_may_be_longer_than_a_line(written):
    config = loads(f"deployment:\n  context: workplace\n  justification: {written}\n")
    assert config.deployment.justification == "a study of tired drivers"


def test_spaces_of_other_scripts_are_text():
    config = loads(GOOD + "home_assistant: {name: '\u5c45\u9593\u3000\u00ab\u00a0ici\u00a0\u00bb'}\n")
    assert config.home_assistant.name == "\u5c45\u9593\u3000\u00ab\u00a0ici\u00a0\u00bb"
    (found,) = problems(GOOD + 'home_assistant: {name: "a\\nb"}\n')
    assert "without line breaks and control characters" in found


def test_overrides_win_and_are_checked():
    assert loads(GOOD, overrides={"mqtt.port": 1, "camera.source": "none"}).mqtt.port == 1
    assert loads(GOOD + "camera: {fps: 9}\n", overrides={"camera.fps": 5}).camera.fps == 5
    found = problems(GOOD, overrides={"mqtt.port": 0, "mqtt.prot": 1, "camera.fps": True})
    assert sorted(line.partition(":")[0] for line in found) == ["camera.fps", "mqtt.port", "mqtt.prot"]


def test_a_tilde_is_the_home_folder_wherever_a_path_stands(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ann")
    written = (
        "device: {state_directory: ~/emoedge state}\ncamera: {source: ~/film.mp4}\nmicrophone: {source: ~/sound.wav}\n"
        "mqtt: {tls: true, username: a, password_file: ~/word, ca: ~/ca.pem, certificate: ~/me.pem, key: ~root/me.key}\n"
        "jsonl: {path: ~/events.jsonl}\n"
    )
    config = loads(GOOD + written)
    assert config.device.state_directory == "/home/ann/emoedge state"
    assert (config.camera.source, config.microphone.source) == ("/home/ann/film.mp4", "/home/ann/sound.wav")
    assert (config.mqtt.password_file, config.mqtt.ca) == ("/home/ann/word", "/home/ann/ca.pem")
    assert (config.mqtt.certificate, config.mqtt.key) == ("/home/ann/me.pem", "/root/me.key")
    assert config.jsonl.path == "/home/ann/events.jsonl"


def test_a_name_that_only_begins_with_a_tilde_stays():
    config = loads(GOOD + "camera: {source: ~film.mp4}\nhome_assistant: {name: ~/ here}\n")
    assert (config.camera.source, config.home_assistant.name) == ("~film.mp4", "~/ here")


def test_context_may_be_missing_for_replays():
    assert loads("camera: {source: none}\n", require_context=False).deployment.context == "demo"
    assert default_config().deployment.context == "demo"
    with pytest.raises(ConfigError):
        default_config("moon")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not UTF-8 text"),
        (b"a: 1\nb: \x00\n", "2: binary data"),
        ("deployment: {context: home}".encode("utf-16"), "not UTF-8 text"),
        (b"#" * 300_000, "larger than 256 KB"),
    ],
)
def test_files_that_are_no_text(tmp_path, content, expected):
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=expected) as caught:
        load(path)
    assert len(caught.value.problems) == 1


def test_files_that_cannot_be_read(tmp_path):
    for path, expected in ((tmp_path / "none.yaml", "no such file"), (tmp_path, "is a directory"), ("a\0b", "not a path")):
        with pytest.raises(ConfigError, match=expected):
            load(path)


def test_a_byte_order_mark_is_no_key(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load(path).deployment.context == "home"


def test_find_looks_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(find("other.yaml")) == "other.yaml"
    (tmp_path / "config.yaml").write_text(GOOD)
    assert str(find()) == "config.yaml"
    (tmp_path / "config.yaml").unlink()
    monkeypatch.setattr("emoedge.config.loader.DEFAULT_PATHS", (tmp_path / "a", tmp_path / "b"))
    with pytest.raises(ConfigError, match="--config"):
        find()


def test_find_passes_by_a_folder_that_is_closed(tmp_path, monkeypatch):
    there, looked = tmp_path / "config.yaml", os.stat
    there.write_text(GOOD)
    monkeypatch.setattr("emoedge.config.loader.DEFAULT_PATHS", (Path("closed.yaml"), there))

    def closed(path, *more, **options):
        if str(path) == "closed.yaml":
            raise PermissionError(13, "Permission denied", str(path))
        return looked(path, *more, **options)

    monkeypatch.setattr(os, "stat", closed)
    assert find() == there
