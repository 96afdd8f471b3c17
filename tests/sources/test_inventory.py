"""Stable names: cameras by id, microphones without their card's number."""

import pytest

from emoedge.errors import SourceError
from emoedge.sources import portaudio
from emoedge.sources.address import Kind, camera_kind, is_sound_alone, is_sound_file, shown
from emoedge.sources.inventory import CameraEntry, cameras
from emoedge.sources.portaudio import choose, inputs


def test_cameras_have_their_stable_path_and_only_the_picture_node(tmp_path):
    nodes, by_id, system = tmp_path / "dev", tmp_path / "dev" / "by-id", tmp_path / "sys"
    by_id.mkdir(parents=True)
    for number, name, index in ((10, "Other Cam", 0), (0, "HD Webcam", 0), (1, "HD Webcam", 1)):
        (nodes / f"video{number}").touch()
        (system / f"video{number}").mkdir(parents=True)
        (system / f"video{number}" / "name").write_text(f"{name}\n")
        (system / f"video{number}" / "index").write_text(f"{index}\n")
    (nodes / "videoX").touch()
    (by_id / "usb-HD-video-index0").symlink_to(nodes / "video0")
    (by_id / "usb-HD-video-index1").symlink_to(nodes / "video1")
    assert list(cameras(by_id, nodes, system)) == [
        CameraEntry(str(by_id / "usb-HD-video-index0"), str(nodes / "video0"), "HD Webcam"),
        CameraEntry(str(nodes / "video10"), str(nodes / "video10"), "Other Cam"),
    ]


def test_no_camera_and_no_sysfs(tmp_path):
    assert list(cameras(tmp_path / "a", tmp_path, tmp_path / "b")) == []
    (tmp_path / "video3").touch()
    assert [c.name for c in cameras(tmp_path / "a", tmp_path, tmp_path / "b")] == ["unnamed"]


class Audio:
    """What PyAudio tells of a machine."""

    def __init__(self, *devices, default=None):
        self.devices = [
            {"index": i, "name": n, "maxInputChannels": c, "defaultSampleRate": 44100.0} for i, (n, c) in enumerate(devices)
        ]
        self.default = default

    def get_device_count(self):
        return len(self.devices)

    def get_device_info_by_index(self, index):
        return self.devices[index]

    def get_default_input_device_info(self):
        if self.default is None:
            raise OSError("No Default Input Device Available")
        return self.devices[self.default]


MACHINE = Audio(
    ("HDA Intel PCH: ALC (hw:0,0)", 2), ("USB Mic: Audio (hw:1,0)", 1), ("Twin: Audio (hw:2,0)", 1),
    ("Twin: Audio (hw:3,0)", 1), ("HDMI out", 0), ("pulse", 32), default=5,
)  # fmt: skip


def test_names_lose_the_cards_number_unless_two_share_them():
    assert [i.name for i in inputs(MACHINE)] == [
        "HDA Intel PCH: ALC", "USB Mic: Audio", "Twin: Audio (hw:2,0)", "Twin: Audio (hw:3,0)", "pulse",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "index"),
    [("USB Mic: Audio", 1), ("USB Mic: Audio (hw:1,0)", 1), ("usb mic", 1), ("Twin: Audio (hw:3,0)", 3), ("default", 5)],
)
def test_a_name_or_a_part_that_only_one_has_is_chosen(source, index):
    assert choose(source, inputs(MACHINE)).index == index


@pytest.mark.parametrize(
    ("source", "words"), [("Twin", "means any of Twin: Audio (hw:2,0), Twin"), ("HDMI out", "there are HDA Intel PCH: ALC")]
)
def test_other_names_list_what_there_is(source, words):
    with pytest.raises(SourceError) as caught:
        choose(source, inputs(MACHINE))
    assert words in str(caught.value)


def test_default_without_a_default_is_the_first_and_no_device_is_told():
    assert choose("default", inputs(Audio(("a", 1), ("b", 1)))).index == 0
    with pytest.raises(SourceError, match="no microphone found"):
        choose("default", [])


def test_missing_pyaudio_names_the_remedy(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyaudio", None)
    with pytest.raises(SourceError, match="portaudio19-dev"):
        portaudio.load()


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("/dev/video0", Kind.DEVICE), ("/dev/v4l/by-id/usb-x", Kind.DEVICE), ("rtsp://a/b", Kind.STREAM),
        ("http://a/b.jpg", Kind.STREAM), ("a.mp4", Kind.VIDEO), ("a.PNG", Kind.PICTURES), ("/tmp", Kind.PICTURES),
        ("/dev/shm/a.mp4", Kind.VIDEO), ("/dev/shm/a.png", Kind.PICTURES), ("/dev/shm/", Kind.PICTURES),
        ("/dev/shm/video", Kind.DEVICE),
        ("x" * 300, Kind.VIDEO),
    ],
)  # fmt: skip
def test_kinds_of_cameras(source, kind):
    assert camera_kind(source) is kind


@pytest.mark.parametrize(
    ("name", "content", "alone"),
    [
        ("memo.m4a", b"", True), ("memo.WMA", b"", True), ("gone.wav", None, True), ("gone", None, False),
        ("recording", b"RIFF\0\0\0\0WAVEfmt ", True), ("film", b"RIFF\0\0\0\0AVI LIST", False),
        ("clip.mp4", b"RIFF\0\0\0\0WAVEfmt ", False),
    ],
)  # fmt: skip
def test_a_sound_is_no_film(tmp_path, name, content, alone):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert is_sound_alone(str(tmp_path / name)) is alone
    assert not is_sound_alone(str(tmp_path))


def test_a_closed_folder_has_a_kind(tmp_path, closed):
    closed(tmp_path)
    assert camera_kind(str(tmp_path / "clip.mp4")) is Kind.VIDEO
    assert not is_sound_file(str(tmp_path / "clip"))


def test_sound_files_are_known_by_ending_or_by_being_there(tmp_path):
    (tmp_path / "odd").touch()
    assert is_sound_file("missing.WAV")
    assert is_sound_file(str(tmp_path / "odd"))
    assert not is_sound_file("USB Mic: Audio")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("/dev/video0", "/dev/video0"),
        ("rtsp://10.0.0.5/stream1", "rtsp://10.0.0.5/stream1"),
        ("rtsp://me:p@ss@cam/1", "rtsp://***@cam/1"),
        ("rtsp://me:pw@cam:554/Streaming/Channels/101", "rtsp://***@cam:554/Streaming/Channels/101"),
        ("rtsp://me:pw@10.0.0.5/cam/realmonitor?channel=2&subtype=0", "rtsp://***@10.0.0.5/cam/realmonitor?channel=2&subtype=0"),
        ("rtsp://me:pw@[fe80::1]:554/live.sdp", "rtsp://***@[fe80::1]:554/live.sdp"),
        ("http://10.0.0.5/videostream.cgi?user=me&pwd=hunter2&channel=1", "http://10.0.0.5/videostream.cgi?***&channel=1"),
        ("http://10.0.0.5/video?user=anna@x.org&pwd=hunter2", "http://10.0.0.5/video?***"),
        ("http://cam/video#hunter2", "http://cam/video#***"),
        ("rtsp://cam:554/user=me&password=hunter2&channel=1&stream=0.sdp", "rtsp://cam:554/***"),
        ("rtsp://cam:554/0/me:hunter2/main", "rtsp://cam:554/0/***/main"),
        ("rtsps://10.0.0.5:7441/AbCdEfGh12345678?enableSrtp", "rtsps://10.0.0.5:7441/***?***"),
        ("rtsp://me:hun/ter2@10.0.0.5/1", "rtsp://***@10.0.0.5/1"),
        ("rtsp://me:hun?ter2@10.0.0.5:554/1", "rtsp://***@10.0.0.5:554/1"),
        ("rtsp://me:p@ss/word@cam/1", "rtsp://***"),
        ("rtsp://me:pass@cam:554/1?x=a@b", "rtsp://***"),
        ("rtsp://me:hunter2", "rtsp://***"),
        ("rtsp://", "rtsp://***"),
        ("me:hunter2@cam/1", "***@cam/1"),
        ("me:hun/ter2@10.0.0.5:554/1", "***@10.0.0.5:554/1"),
        ("rtsp:/me:hunter2@cam/1", "***"),
        ("//me:hunter2@cam/1", "***"),
        ("me:a://hunter2@cam/1", "***://***@cam/1"),
        ("/films/10:00@kitchen.mp4", "/films/10:00@kitchen.mp4"),
        ("note: write to me@x.org", "note: write to me@x.org"),
    ],
)  # fmt: skip
def test_addresses_are_shown_without_a_login(source, told):
    assert shown(source) == told
