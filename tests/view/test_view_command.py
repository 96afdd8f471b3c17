"""`emoedge view`: pages, files, and clear words about what cannot be shown."""

import http.server
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.request

import cv2
import numpy as np
import pytest

from emoedge import cli


def state_of(url):
    base, _, query = url.partition("?")
    with urllib.request.urlopen(f"{base}state.json?{query}", timeout=20) as answer:
        return json.load(answer)


def frames_of(path):
    film = cv2.VideoCapture(str(path))
    count = 0
    while film.grab():
        count += 1
    return count, film


@pytest.mark.slow
def test_the_bundled_clip_as_a_page(view, demo, eventually):
    shown = view(*demo)
    assert shown.url.startswith("http://127.0.0.1:")
    state = eventually(lambda: (s := state_of(shown.url)).get("ended") and s, 40, "the end")
    told = {max(zip(lane, range(7), strict=True))[1] for _, _, _, lane in state["points"] if lane}
    assert 3 in told, "happy"
    for lane in (1, 2, 3):
        assert sum(point[lane] is not None for point in state["points"]) > 5
    assert state["sensors"]["camera"]["status"] == state["sensors"]["mic"]["status"] == "ended"
    assert state_of(shown.url)["at"] == state["at"], "the last state stays"
    assert shown.process.poll() is None
    assert shown.stop() == 0
    assert "Traceback" not in shown.said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_amid_the_film(view, demo, number):
    shown = view(demo[0])
    stream = urllib.request.urlopen(shown.url + "events", timeout=20)
    assert stream.readline().startswith(b"data: ")
    begun = time.monotonic()
    assert shown.stop(number) == 0
    assert time.monotonic() - begun < 3
    stream.close()
    assert shown.said == ""


def test_what_was_recorded_until_the_terminal_was_closed_is_a_film(demo, tmp_path, eventually):
    """Else it would be lost, and a hidden piece of it stay behind."""
    command = [sys.executable, "-m", "emoedge", "view", str(demo[0]), "--output", "out.mp4"]
    with subprocess.Popen(command, cwd=tmp_path) as recording:
        eventually(lambda: [path for path in tmp_path.glob(".out.part.mp4") if path.stat().st_size], 30, "a beginning")
        recording.send_signal(signal.SIGHUP)
        assert recording.wait(20) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert frames_of(tmp_path / "out.mp4")[0] > 0


def test_beyond_loopback_there_is_a_token(view, photographs):
    shown = view(photographs, "--listen", "0.0.0.0")
    address, _, token = shown.url.partition("?token=")
    assert len(token) > 20
    port = address.rstrip("/").rpartition(":")[2]
    local = f"http://127.0.0.1:{port}/state.json"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(local, timeout=20)
    with urllib.request.urlopen(f"{local}?token={token}", timeout=20) as answer:
        assert answer.status == 200


def test_photographs_as_a_page(view, photographs, eventually):
    shown = view(photographs)
    names = set()

    def ended():
        state = state_of(shown.url)
        names.add((state.get("name"), (state.get("fused") or {}).get("label")))
        return state.get("ended")

    eventually(ended, 30, "the end")
    assert names - {(None, None)} == {("1-smile.jpg", "happy"), ("2-empty.png", None), ("10-large.jpg", "happy")}
    assert "3-broken.jpg" in shown.said


def test_a_camera_that_comes_and_goes(view, smile, eventually):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            grain = np.random.default_rng(0)
            for _ in range(60):
                noisy = np.clip(smile + grain.normal(0, 2, smile.shape), 0, 255).astype(np.uint8)
                data = cv2.imencode(".jpg", noisy)[1].tobytes()
                self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + data + b"\r\n")
                time.sleep(0.07)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        shown = view(f"http://me:secret@127.0.0.1:{server.server_address[1]}/video.mjpg")
        eventually(lambda: (state_of(shown.url).get("fused") or {}).get("label") == "happy", 30, "a smile")
        state = eventually(
            lambda: (s := state_of(shown.url))["sensors"]["camera"]["status"] == "reconnecting" and s, 30, "the loss"
        )
        assert state["sensors"]["camera"]["problem"]
        assert "secret" not in json.dumps(state)
        assert not state["ended"]
        assert shown.stop() == 0
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.slow
def test_a_film_is_annotated(emoedge_view, demo, tmp_path):
    done = emoedge_view(*demo, "--output", "out.mp4")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    count, _ = frames_of(tmp_path / "out.mp4")
    assert count == pytest.approx(frames_of(demo[0])[0], abs=1)
    film = cv2.VideoCapture(str(tmp_path / "out.mp4"))
    assert film.get(cv2.CAP_PROP_FPS) == pytest.approx(15)
    film.set(cv2.CAP_PROP_POS_FRAMES, 115)
    sheet = film.read()[1].astype(int)
    amber = (np.abs(sheet - (20, 176, 245)).sum(axis=-1) < 90)
    assert amber[100:320, 230:420].sum() > 200, "the box"
    assert amber[130:180, 700:900].sum() > 500, "the bar"
    assert amber[555:600, 640:920].sum() > 500, "the fused timeline"


def test_photographs_keep_their_names(emoedge_view, photographs, tmp_path):
    done = emoedge_view(photographs, "--output", "out/annotated")
    assert done.returncode == 0
    assert "3-broken.jpg" in done.stderr
    written = {path.name: cv2.imread(str(path)) for path in (tmp_path / "out/annotated").iterdir()}
    assert set(written) == {"1-smile.png", "2-empty.png", "10-large.png"}
    assert written["1-smile.png"].shape == (480 + 132, 640 + 300, 3)


def test_a_film_may_be_named_after_a_time_of_day(emoedge_view, photographs, tmp_path):
    done = emoedge_view(photographs, "--output", "2026-11-29T10:30.mp4")
    assert done.returncode == 0, done.stderr
    assert frames_of(tmp_path / "2026-11-29T10:30.mp4")[0] > 1


def test_photographs_as_a_film(emoedge_view, photographs, tmp_path):
    assert emoedge_view(photographs, "--output", "out.mp4").returncode == 0
    assert frames_of(tmp_path / "out.mp4")[0] == 30


def test_the_pictures_of_a_folder_as_frames(emoedge_view, smile, tmp_path):
    (tmp_path / "frames").mkdir()
    for index in range(6):
        cv2.imwrite(str(tmp_path / f"frames/{index}.png"), smile)
    assert emoedge_view("frames", "--film", "--output", "out").returncode == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [f"frame-{n:06d}.png" for n in range(1, 7)]


def test_a_sound_alone(emoedge_view, demo, tmp_path):
    assert emoedge_view(demo[1], "--output", "out.mp4").returncode == 0
    count, film = frames_of(tmp_path / "out.mp4")
    assert count == pytest.approx(75, abs=3)
    assert film.get(cv2.CAP_PROP_FPS) == pytest.approx(5)


@pytest.mark.parametrize("target", ["out.mp4", "folder"])
def test_what_was_made_of_a_sound_that_breaks_off_is_kept(emoedge_view, torn, tmp_path, target):
    done = emoedge_view(torn, "--output", target)
    assert (done.returncode, done.stdout) == (65, "")
    assert done.stderr == f"{torn}: damaged: flac decoder lost sync; {target} ends there\n"
    made = tmp_path / target
    count = len(list(made.glob("frame-*.png"))) if made.is_dir() else frames_of(made)[0]
    assert 20 < count < 50
    assert {path.name for path in tmp_path.iterdir()} == {"torn.flac", target}


SMALL_DISK = """
mount -t tmpfs -o size=3M tmpfs small
"$0" -m emoedge view "$1" --output small/out.mp4
code=$?
cp -a small/. kept
exit $code
"""


@pytest.mark.namespaces
def test_what_was_made_until_the_disk_was_full_is_kept(demo, tmp_path):
    for name in ("small", "kept"):
        (tmp_path / name).mkdir()
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", SMALL_DISK, sys.executable, str(demo[0])]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (65, "small/out.mp4: the disk is nearly full; it ends there\n")
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["out.mp4"]
    assert 20 < frames_of(tmp_path / "kept/out.mp4")[0] < 200


def test_a_sound_that_breaks_off_has_ended_and_is_not_played_again(view, torn, eventually):
    shown = view("none", torn)
    state = eventually(lambda: (s := state_of(shown.url)).get("ended") and s, 30, "the end")
    assert 5 < state["at"] < 9
    mic = state["sensors"]["mic"]
    assert (mic["status"], mic["problem"]) == ("ended", f"{torn}: damaged: flac decoder lost sync")
    assert shown.stop() == 0
    assert shown.said.count("it ends there") == 1
    assert "again" not in shown.said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("missing.mp4",), "missing.mp4"),
        (("garbage.mp4",), "garbage.mp4"),
        (("film.mp4", "missing.wav"), "missing.wav"),
        (("film.mp4", "garbage.wav"), "garbage.wav"),
        (("/dev/video99",), "emoedge devices"),
        (("empty",), "no picture there"),
        (("broken",), "none of its 2 pictures"),
        (("broken/a.png",), "broken/a.png"),
        (("none",), "nothing to show"),
        (("film.mp4", "--output", "/proc/no/such.mp4"), "cannot be written"),
        (("film.mp4", "--output", "/proc/no/folder"), "cannot be written"),
    ],
)
def test_what_cannot_be_shown_is_65(emoedge_view, demo, tmp_path, arguments, words):
    (tmp_path / "film.mp4").symlink_to(demo[0])
    (tmp_path / "garbage.mp4").write_bytes(b"\x00\x01" * 4000)
    (tmp_path / "garbage.wav").write_bytes(b"RIFF" + b"\xff" * 500)
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/a.png").write_bytes(b"\x89PNG")
    (tmp_path / "broken/b.jpg").write_bytes(b"")
    done = emoedge_view(*arguments)
    assert (done.returncode, done.stdout) == (65, "")
    (line,) = done.stderr.strip().splitlines()
    assert words in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "SOURCE"),
        (("film.mp4", "--port", "70000"), "expected a port"),
        (("film.mp4", "--listen", "example.org"), "expected an IP address"),
        (("film.mp4", "--listen", "192.0.2.77"), "choose another"),
        (("film.mp4", "--output", "out.avi"), "ends in .mp4"),
        (("film.mp4", "--output", "film.mp4"), "written over"),
        (("pictures", "--output", "pictures"), "written over"),
    ],
)
def test_wrong_use_is_2(emoedge_view, demo, smile, tmp_path, arguments, words):
    (tmp_path / "film.mp4").write_bytes(demo[0].read_bytes())
    (tmp_path / "pictures").mkdir()
    cv2.imwrite(str(tmp_path / "pictures/a.png"), smile)
    done = emoedge_view(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert (tmp_path / "film.mp4").read_bytes() == demo[0].read_bytes()


@pytest.mark.parametrize("target", ["out.mp4", "folder/", "folder"])
def test_a_place_where_nobody_may_look_is_2(closed, demo, tmp_path, capsys, target):
    closed(tmp_path / "hers")
    place = str(tmp_path / "hers") + "/" + target
    assert cli.main(["view", str(demo[0]), "--output", place]) == 2
    assert f"--output {place}: Permission denied; name another place" in capsys.readouterr().err


def test_refused_models_are_78(emoedge_view, demo, tmp_path):
    (tmp_path / "c.yaml").write_text("models: {face: ./missing.tflite}\n")
    done = emoedge_view(demo[0], "--config", "c.yaml")
    assert done.returncode == 78
    assert "missing.tflite" in done.stderr


def test_a_page_writes_nothing(view, demo, tmp_path, eventually):
    shown = view(*demo)
    with urllib.request.urlopen(shown.url + "frame.jpg", timeout=20) as answer:
        assert answer.status == 200
    assert shown.stop() == 0
    assert [path.name for path in tmp_path.rglob("*")] == ["view-0.err"]
