"""TLS against a real Mosquitto: trust, names, client certificates, and a distinct line for each refusal."""

import logging
import subprocess
import threading

import pytest

from emoedge.config import default_config
from emoedge.config.outputs import MqttConfig
from emoedge.doctor import broker as doctor
from emoedge.doctor.finding import Verdict
from emoedge.errors import ConfigError
from emoedge.outputs.endpoint import Endpoint
from emoedge.outputs.tls import tls_context, travels_in_the_clear
from emoedge.watch.reception import Reception

pytestmark = pytest.mark.broker


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """Two CAs; the first has signed a broker called `broker.test` and a device."""
    folder = tmp_path_factory.mktemp("pki")

    def key_and(name, *arguments):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                folder / f"{name}.key", "-subj", f"/CN={name}", *arguments)  # fmt: skip

    for ca in ("ca", "stranger"):
        key_and(ca, "-x509", "-days", "2", "-out", folder / f"{ca}.pem")
    for name, alternative in (("broker.test", "DNS:broker.test"), ("device", "DNS:device")):
        key_and(name, "-out", folder / f"{name}.csr")
        (folder / "ext").write_text(f"subjectAltName={alternative}")
        openssl("x509", "-req", "-in", folder / f"{name}.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key",
                "-CAcreateserial", "-days", "2", "-extfile", folder / "ext", "-out", folder / f"{name}.pem")  # fmt: skip
    return folder


@pytest.fixture
def tls_broker(make_broker, pki):
    def make(extra="", **options):
        # The lines belong to the listener that the config begins with.
        lines = f"cafile {pki}/ca.pem\ncertfile {pki}/broker.test.pem\nkeyfile {pki}/broker.test.key\n{extra}"
        return make_broker(lines, **options)

    return make


def said(caplog):
    return [r.getMessage() for r in caplog.records if r.name.endswith("link")]


def test_a_trusted_broker_of_the_right_name(tls_broker, pki, make_sink, tell, eventually):
    sink = make_sink(tls_broker().port, tls=True, ca=f"{pki}/ca.pem", server_name="broker.test")
    assert sink.wait_connected(5)
    for number in range(200):
        sink.event(tell.moved(number, 0.0))
    eventually(lambda: sink.queue == 0)


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"ca": "stranger.pem", "server_name": "broker.test"}, "not trusted"),
        ({"ca": None, "server_name": "broker.test"}, "not trusted"),
        ({"ca": "ca.pem", "server_name": "other.test"}, "for another name"),
        ({"ca": "ca.pem", "server_name": None}, "for another name"),
    ],
    ids=["another CA", "the system's CAs", "another name", "the address"],
)
def test_wrong_ca_and_wrong_name_say_so_once_and_retry_slowly(tls_broker, pki, make_sink, caplog, options, cause):
    caplog.set_level(logging.INFO)
    if options["ca"]:
        options = {**options, "ca": f"{pki}/{options['ca']}"}
    sink = make_sink(tls_broker().port, tls=True, refused_wait=0.2, **options)
    assert not sink.wait_connected(1.2)
    assert len(said(caplog)) == 1
    assert cause in said(caplog)[0]
    assert "slowly" in said(caplog)[0]


def test_a_wrong_password_has_a_line_of_its_own(tls_broker, pki, make_sink, caplog, tmp_path):
    subprocess.run(["mosquitto_passwd", "-c", "-b", tmp_path / "pw", "anna", "right"], check=True)
    broker = tls_broker(f"password_file {tmp_path}/pw", anonymous=False)
    (tmp_path / "wrong").write_text("wrong\n")
    (tmp_path / "right").write_text("right\n")
    trust = {"tls": True, "ca": f"{pki}/ca.pem", "server_name": "broker.test", "username": "anna"}
    sink = make_sink(broker.port, password_file=f"{tmp_path}/wrong", refused_wait=0.2, **trust)
    assert not sink.wait_connected(1.2)
    assert len(said(caplog)) == 1
    assert "login refused" in said(caplog)[0]
    assert make_sink(broker.port, password_file=f"{tmp_path}/right", device="test-2", **trust).wait_connected(5)


def test_a_client_certificate_is_shown_where_it_is_asked_for(tls_broker, pki, make_sink, caplog, eventually):
    broker = tls_broker("require_certificate true\nuse_identity_as_username true")
    trust = {"tls": True, "ca": f"{pki}/ca.pem", "server_name": "broker.test"}
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            "/CN=device", "-keyout", pki / "strange.key", "-out", pki / "strange.pem")  # fmt: skip
    foreign = {"certificate": f"{pki}/strange.pem", "key": f"{pki}/strange.key"}
    for shown, alert in (({}, "certificate required"), (foreign, "unknown ca")):
        caplog.clear()
        refused = make_sink(broker.port, refused_wait=0.1, **shown, **trust)
        eventually(lambda: said(caplog))
        assert not refused.wait_connected(0.5)
        refused.stop()
        line = f"TLS handshake failed: it does not accept our certificate ({alert}); see mqtt.certificate; retrying slowly"
        assert [text.split(": ", 1)[1] for text in said(caplog)] == [line]
    sink = make_sink(
        broker.port, device="test-2", certificate=f"{pki}/device.pem", key=f"{pki}/device.key", **trust
    )
    assert sink.wait_connected(5)


def test_watch_names_a_certificate_that_is_not_accepted_as_long_as_it_is_not(tls_broker, pki, eventually, monkeypatch):
    monkeypatch.setattr("emoedge.watch.reception.REFUSED_WAIT", 0.1)
    config = MqttConfig(tls=True, ca=f"{pki}/ca.pem", server_name="broker.test")
    broker = tls_broker("require_certificate true")
    endpoint = Endpoint(host="127.0.0.1", port=broker.port, client_id="", tls=tls_context(config))
    with Reception(endpoint, "emoedge", None) as reception:
        eventually(lambda: "does not accept our certificate" in (reception.problem or ""))
        broker.stop()
        eventually(lambda: (reception.problem or "").startswith("connection refused"))


def test_so_does_the_doctor(tls_broker, pki):
    settings = {"port": tls_broker("require_certificate true").port, "ca": f"{pki}/ca.pem", "tls": True}
    overrides = {"mqtt.host": "127.0.0.1", "mqtt.server_name": "broker.test"} | {f"mqtt.{k}": v for k, v in settings.items()}
    reached, refused = doctor.check(default_config(overrides=overrides))
    assert (reached.verdict, refused.verdict, refused.code) == (Verdict.PASS, Verdict.FAIL, 69)
    assert "it does not accept our certificate (certificate required)" in refused.said


def test_renewed_certificates_and_passwords_need_no_restart(tls_broker, pki, make_sink, caplog, tmp_path, eventually):
    subprocess.run(["mosquitto_passwd", "-c", "-b", tmp_path / "pw", "anna", "right"], check=True)
    broker = tls_broker(f"password_file {tmp_path}/pw", anonymous=False)
    ca, password = tmp_path / "ca.pem", tmp_path / "password"
    ca.write_bytes((pki / "stranger.pem").read_bytes())
    password.write_text("wrong\n")
    files = {"tls": True, "ca": str(ca), "server_name": "broker.test", "username": "anna", "password_file": str(password)}
    sink = make_sink(broker.port, refused_wait=0.1, **files)
    eventually(lambda: "not trusted" in (sink.problem or ""))
    ca.write_bytes((pki / "ca.pem").read_bytes())
    eventually(lambda: "login refused" in (sink.problem or ""))
    password.unlink()  # for a moment, as while it is replaced
    assert not sink.wait_connected(0.3)
    password.write_text("right\n")
    assert sink.wait_connected(5)


def test_tls_towards_a_plain_port_and_the_other_way_round(broker, tls_broker, pki, make_sink, eventually):
    wrong = make_sink(broker.port, tls=True, ca=f"{pki}/ca.pem", refused_wait=0.2)
    plain = make_sink(tls_broker().port, device="test-2")
    eventually(lambda: "TLS handshake failed" in wrong.problem and "is this a TLS port?" in wrong.problem)
    eventually(lambda: plain.problem == "takes the connection but does not answer as a broker; is this a TLS port?")
    assert not wrong.wait_connected(0)
    assert not plain.wait_connected(0)


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"ca": "/nowhere.pem"}, "mqtt.ca"),
        ({"ca": "/etc/hostname"}, "mqtt.ca"),
        ({"certificate": "/nowhere.pem"}, "mqtt.certificate"),
    ],
)
def test_files_that_are_no_certificates_are_refused_at_start(options, key):
    with pytest.raises(ConfigError, match=key):
        tls_context(MqttConfig(tls=True, **options))


@pytest.mark.parametrize(
    ("certificate", "key", "told"),
    [
        ("device.pem", None, [
            "mqtt.certificate: {}/device.pem: expected a PEM file of certificate and private key, or the key's file in "
            "mqtt.key: no PRIVATE KEY in it",
        ]),
        ("device.pem", "no.key", ["mqtt.key: {}/no.key: expected a PEM file of its private key: No such file"]),
        ("device.key", "device.pem", [
            "mqtt.certificate: {}/device.key: expected a PEM file of this device's certificate: no CERTIFICATE in it",
            "mqtt.key: {}/device.pem: expected a PEM file of its private key: no PRIVATE KEY in it",
        ]),
        ("device.pem", "broker.test.key", ["mqtt.certificate: {0}/device.pem, {0}/broker.test.key: expected PEM files "]),
    ],
)  # fmt: skip
def test_the_file_that_is_wrong_is_blamed(pki, certificate, key, told):
    given = {"certificate": f"{pki}/{certificate}", "key": None if key is None else f"{pki}/{key}"}
    with pytest.raises(ConfigError) as caught:
        tls_context(MqttConfig(tls=True, **given))
    for problem, beginning in zip(caught.value.problems, told, strict=True):
        assert problem.startswith(beginning.format(pki))


def test_an_encrypted_key_does_not_ask_on_the_terminal(pki, tmp_path):
    openssl("ec", "-in", pki / "device.key", "-aes128", "-passout", "pass:x", "-out", tmp_path / "locked.key")
    config = MqttConfig(tls=True, certificate=f"{pki}/device.pem", key=f"{tmp_path}/locked.key")
    caught = []

    def load():
        try:
            tls_context(config)
        except ConfigError as error:
            caught.append(str(error))

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    thread.join(5)
    assert caught
    assert "passphrase" in caught[0]


@pytest.mark.parametrize(
    ("host", "tls", "expected"),
    [("localhost", False, False), ("127.0.0.9", False, False), ("::1", False, False), ("10.0.0.2", False, True),
     ("broker.example", False, True), ("broker.example", True, False)],
)  # fmt: skip
def test_plain_text_across_a_network_is_noticed(host, tls, expected):
    assert travels_in_the_clear(MqttConfig(host=host, tls=tls)) is expected


def test_and_warned_of_once(make_sink, caplog):
    make_sink(1, host="192.0.2.1")
    assert sum("can be read on the network" in record.getMessage() for record in caplog.records) == 1
