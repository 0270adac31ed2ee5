# SPDX-License-Identifier: MIT
"""The matrix: every fault, how it is made and ended, and what the daemon owes meanwhile.

docs/link.md has the result.
"""

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

import harness
import network
from world import (DPS_NAME, DeviceDaemon, HUB_NAME, PROXY_NAME, PROXY_PORT, SECOND_HUB_NAME, World,
                   in_namespace)

# How long the rows let the link be silent; the daemon probes it then, and waits 15 s for an answer.
KEEP_ALIVE_S = 5
SILENCE_S = KEEP_ALIVE_S + 15 + 1

# An attempt, and its share of the back-off after the first failures.
AT_ONCE_S = 3


@dataclass(frozen=True)
class Row:
    """One fault. 'notice' is how long the daemon may take to see that it has no link any more; None: it keeps it.
    'back' is how long it may take from the end of the fault, or from its beginning if the way around it is the point
    ('around'), until the link is up and nothing waits. 'word' is what 'aziot why' says of it before the fault ends.
    'sabotage' is the assertion that --sabotage breaks. A 'long' row is left to './dev soak link'."""

    name: str
    made: str
    fault: Callable[[World], AbstractContextManager]
    lasts: float
    notice: float | None
    back: float
    word: str | None
    sabotage: str
    around: bool = False
    # The fault is there when the daemon starts.
    from_start: bool = False
    long: bool = False
    world: dict = field(default_factory=dict)
    needs: Callable[[], str | None] = lambda: None
    # So many messages may arrive behind the next one: suspects (daemon/suspect.h).
    overtaken: int = 0
    # So many of the messages that others than the local client send are given up, by the rules of the outbox.
    gives_up: int = 0

    def duration(self):
        """At most, in seconds."""
        return (self.lasts + self.back) / self.world.get("clock", {}).get("speed", 1)


@contextmanager
def nothing(world):
    yield


@contextmanager
def kicked(world):
    world.kick()
    yield


def cut_off(fault):
    """The fault, and no way around it."""
    @contextmanager
    def both(world):
        with fault(world), world.network.silent():
            yield
    return both


def loss(world):
    return world.network.lossy(20)


def queue_missing():
    if not (harness.BUILD / "delay-queue").exists():
        return "needs libnetfilter-queue-dev when this is built"
    return None if shutil.which("iptables") else "needs iptables"


@contextmanager
def delay(world):
    with world.network.queued():
        program = harness.Program(in_namespace(world.network.cloud, [harness.BUILD / "delay-queue", "1", "2000"]))
        world.others.append(program)
        program.wait_for_output("^listening$")
        yield


@contextmanager
def delay_and_kick(world):
    with delay(world):
        world.kick()
        yield


def rate_limit(world):
    return world.network.slow("64kbit")


def blackhole(world):
    return world.network.silent()


def one_way(world):
    return world.network.filtered('oifname "cable" drop', hook="output")


@contextmanager
def small_packets(world):
    """As where a tunnel takes less than it should, and nobody is told: a link that is up does not notice."""
    with world.network.filtered('iifname "cable" meta length > 600 drop'):
        with world.network.filtered('oifname "cable" meta length > 600 drop', hook="output"):
            world.kick()
            yield


@contextmanager
def mqtt_silent(world):
    world.kick()
    with mqtt_silent_from_start(world):
        yield


def mqtt_silent_from_start(world):
    return world.network.silent("tcp dport 8883")


def proxy_down(world):
    return world.network.filtered(f'iifname "cable" tcp dport {PROXY_PORT} reject with tcp reset')


def reset(world):
    return world.network.filtered('iifname "cable" tcp dport 8883 reject with tcp reset')


@contextmanager
def mqtt_refused(world):
    with reset(world):
        world.kick()
        yield


def unplugged(world):
    return world.network.unplugged()


def no_route(world):
    return world.network.without_route()


def hub_stopped(world):
    return world.stopped(world.hub.program)


@contextmanager
def hub_killed(world):
    world.hub.stop(9)
    try:
        yield
    finally:
        world.hub.start()


def names(changes, kick=True):
    """A fault of DNS, which a link that is up does not need: so it ends."""
    @contextmanager
    def fault(world):
        world.set_names(changes)
        if kick:
            world.kick()
        try:
            yield
        finally:
            world.set_names({})
    return fault


def make_certificate(world, name, *signer):
    """A file with a certificate for the name and its key."""
    key, certificate, both = (world.directory / f"{name}.{suffix}" for suffix in ("key", "crt", "pem"))
    network.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", *signer, "-keyout", key, "-out",
                certificate)
    both.write_text(certificate.read_text() + key.read_text())
    return both


@contextmanager
def portal_by_name(world):
    world.serve("portal.py", network.PORTAL, "8883", make_certificate(world, "login.portal.test"))
    with names({HUB_NAME: [network.PORTAL], "*": [network.PORTAL]})(world):
        yield


@contextmanager
def connack_silent(world):
    state = world.hub.state
    certificate = make_certificate(world, HUB_NAME, "-CA", state / "ca.pem", "-CAkey", state / "ca-key.pem")
    world.serve("portal.py", network.PORTAL, "8883", certificate, "silent")
    with names({HUB_NAME: [network.PORTAL]})(world):
        yield


@contextmanager
def portal_by_redirect(world):
    world.serve("portal.py", "0.0.0.0", "80")
    with world.network.filtered('iifname "cable" tcp dport 8883 redirect to :80', hook="prerouting"):
        world.kick()
        yield


def hub_fault(verb, kick=True, **parameters):
    """A fault of the hub itself, which its control socket can make."""
    @contextmanager
    def fault(world):
        world.hub.call(verb, parameters)
        if kick:
            world.kick()
        try:
            yield
        finally:
            world.hub.call("ClearFaults")
    return fault


def hub_limits(limits, afterwards):
    @contextmanager
    def fault(world):
        world.hub.call("SetLimits", limits)
        try:
            yield
        finally:
            world.hub.call("SetLimits", afterwards)
    return fault


@contextmanager
def half_open(world):
    world.hub.call("HalfOpen", {"device": "demo"})
    yield


@contextmanager
def second_daemon(world):
    directory = world.directory / "twin"
    directory.mkdir()
    twin = DeviceDaemon(directory, world.hub)
    twin.namespace = world.network.device
    twin.start()
    try:
        yield
    finally:
        twin.stop()
        twin.notify.close()


def silent_close(how):
    @contextmanager
    def fault(world):
        world.hub.call("SilentClose", {"device": "demo", "how": how})
        yield
    return fault


@contextmanager
def poison(world):
    world.hub.call("Poison", {"text": "poisonous"})
    world.daemon.send(text="poisonous")
    try:
        yield
    finally:
        world.hub.call("ClearFaults")


def clock(offset_s, kick=True):
    @contextmanager
    def fault(world):
        world.daemon.clock.set(offset_s)
        if kick:
            world.kick()
        try:
            yield
        finally:
            world.daemon.clock.set(0)
    return fault


def proxy(mode):
    @contextmanager
    def fault(world):
        world.proxy_mode.write_text(mode)
        world.kick()
        try:
            yield
        finally:
            world.proxy_mode.write_text("open")
    return fault


def wrong_certificate(kind):
    return hub_fault("ServerCertificate", certificate=kind)


@contextmanager
def disabled(world):
    world.hub.call("SetDeviceStatus", {"device": "demo", "status": "disabled"})
    try:
        yield
    finally:
        world.hub.call("SetDeviceStatus", {"device": "demo", "status": "enabled"})


@contextmanager
def removed(world):
    world.hub.call("RemoveDevice", {"device": "demo"})
    try:
        yield
    finally:
        world.hub.call("AddDevice", {"device": "demo", "primaryKey": world.hub.device_key()})


@contextmanager
def removed_by_mistake(world):
    """The provisioning service makes it anew when it is asked."""
    world.hub.call("RemoveDevice", {"device": "demo"})
    yield


@contextmanager
def moved(world):
    world.hub.call("ChangeEnrollment", {"enrollment": "demo", "hub": SECOND_HUB_NAME})
    with names({HUB_NAME: []})(world):
        yield


def enrollment(fault, mended):
    """The enrollment is like this when the device asks for the first time, and mended later."""
    @contextmanager
    def change(world):
        world.hub.call("ChangeEnrollment", {"enrollment": "demo", **fault})
        try:
            yield
        finally:
            world.hub.call("ChangeEnrollment", {"enrollment": "demo", **mended})
    return change


@contextmanager
def dps_throttles(world):
    world.hub.call("DpsFault", {"registers": 1000, "status": 429, "retryAfterSeconds": 20})
    try:
        yield
    finally:
        world.hub.call("ClearFaults")


def accelerated(speed):
    """Time passes faster. The machine and its network are as slow as ever, so each step may take longer."""
    return {"clock": {"speed": speed},
            "config": {"Hub": {"KeepAliveSec": 60}, "Network": {"TLSTimeoutSec": 60, "ConnectTimeoutSec": 60}}}


def provisioned(speed):
    return {"provisioned": True, **accelerated(speed)}


# Elsewhere MQTT alone is configured, so that a fault of port 8883 has no way around it.
EITHER_TRANSPORT = {"config": {"Network": {"Transports": "mqtt websocket"}}}
THROUGH_PROXY = {"proxy": True, "config": {"Network": {"Proxy": f"http://{PROXY_NAME}:{PROXY_PORT}"}}}


YEAR_S = 365 * 86400
CONTROL = Row("control", "none", nothing, 0, None, 0, None, "answer")

ROWS = (
    # The network.
    Row("loss", "20 % of the packets are lost in both directions", loss,
        15, None, 10, None, "lost"),
    Row("delay", "packets to the hub wait for 2 s in user space", delay,
        15, None, 10, None, "notice", needs=queue_missing),
    Row("delayed-connect", "the same, and the link is lost", delay_and_kick,
        20, 1, 30, "closed", "back", around=True, needs=queue_missing),
    Row("rate-limit", "64 kbit/s in both directions", rate_limit,
        15, None, 10, None, "answer"),
    Row("blackhole", "nothing passes in either direction", blackhole,
        25, SILENCE_S, 25, "half-open", "notice"),
    Row("blackhole-60", "the same, with the keep-alive of 60 s that is the default", blackhole,
        90, 76, 40, "half-open", "notice", long=True, world={"config": {"Hub": {"KeepAliveSec": 60}}}),
    Row("outage", "the same, for an hour", blackhole,
        3600, 76, 150, "half-open", "lost", long=True, world=accelerated(30)),
    Row("one-way", "nothing comes back from the hub", one_way,
        25, SILENCE_S, 25, "half-open", "word"),
    Row("reset", "each packet to the hub is answered by a TCP reset", reset,
        8, 1, 15, "tcp-refused", "order"),
    Row("link-down", "the cable is out", unplugged,
        25, 7, 15, "no-network", "back"),
    Row("no-route", "the device has no route", no_route,
        25, 7, 15, "no-route", "notice"),
    Row("half-open", "the hub forgets the connection and does not say so", half_open,
        SILENCE_S + 1, SILENCE_S, SILENCE_S + 4, "half-open", "duplicates", around=True),
    Row("small-packets", "packets of more than 600 bytes vanish, and the link is lost", small_packets,
        18, 1, 20, "tls-timeout", "word"),
    Row("closed", "the hub ends the connection without a word", silent_close("fin"),
        3, 1, 4, "closed", "order", around=True),
    Row("broken", "the connection is reset", silent_close("reset"),
        3, 1, 4, "closed", "back", around=True),
    Row("hub-stopped", "the hub's process stands still", hub_stopped,
        40, SILENCE_S, 30, "tls-timeout", "notice"),
    Row("hub-killed", "the hub's process is killed, and started again", hub_killed,
        8, 1, 15, "tcp-refused", "back"),
    Row("ipv6-broken", "the hub's name has an IPv6 address behind which nothing is, and the link is lost",
        names({HUB_NAME: [network.HUB_IPV6, network.HUB]}),
        5, 1, 5, "closed", "back", around=True),

    # Port 8883 is not to be had, and 443 is.
    Row("mqtt-silent", "port 8883 is blocked without a word, and the link is lost", mqtt_silent,
        60, 1, 80, "tcp-timeout", "back", around=True, world={"clock": {"speed": 4}, **EITHER_TRANSPORT}),
    Row("mqtt-refused", "port 8883 is refused, and the link is lost", mqtt_refused,
        15, 1, 33, "tcp-refused", "back", around=True, world=EITHER_TRANSPORT),
    Row("mqtt-never", "port 8883 is blocked when the device comes first", mqtt_silent_from_start,
        20, 1, 20, "tcp-timeout", "back", around=True, from_start=True, world=EITHER_TRANSPORT),

    # The proxy.
    Row("proxy-down", "the proxy is not there", proxy_down,
        8, 1, 15, "proxy-unreachable", "word", world=THROUGH_PROXY),
    Row("proxy-refuses", "the proxy refuses (403), and the link is lost", proxy("refuse"),
        8, 1, 15, "proxy-refused", "word", world=THROUGH_PROXY),
    Row("proxy-password", "the proxy wants a password (407), and the link is lost", proxy("authenticate"),
        8, 1, 15, "proxy-authentication", "word", world=THROUGH_PROXY),
    Row("proxy-silent", "the proxy does not answer, and the link is lost", proxy("silent"),
        20, 1, 30, "proxy-timeout", "word", world=THROUGH_PROXY),
    Row("proxy-nonsense", "what answers is no proxy, and the link is lost", proxy("nonsense"),
        8, 1, 15, "proxy-answer", "word", world=THROUGH_PROXY),

    # Names, and those who say that they are the hub.
    Row("dns-silent", "DNS does not answer, and the link is lost", names({HUB_NAME: None}),
        16, 1, 20, "name-server", "word"),
    Row("dns-nxdomain", "DNS knows no such name, and the link is lost", names({HUB_NAME: []}),
        8, 1, 15, "name-unknown", "word"),
    Row("captive-portal-dns", "every name is that of a login page with a certificate of its own", portal_by_name,
        8, 1, 15, "certificate-self-signed", "back"),
    Row("captive-portal-redirect", "every connection is taken to a login page that speaks HTTP", portal_by_redirect,
        8, 1, 15, "captive-portal", "word"),
    Row("certificate-expired", "the hub shows a certificate that has expired", wrong_certificate("expired"),
        8, 1, 15, "certificate-expired", "word"),
    Row("certificate-early", "the hub shows a certificate that is not valid yet", wrong_certificate("notYetValid"),
        8, 1, 15, "certificate-not-yet-valid", "word"),
    Row("certificate-name", "the hub shows a certificate of another host", wrong_certificate("wrongName"),
        8, 1, 15, "certificate-name", "word"),
    Row("certificate-untrusted", "the hub shows a certificate of a CA that nobody knows",
        wrong_certificate("untrusted"),
        8, 1, 15, "certificate-untrusted", "word"),

    # The clock.
    Row("clock-behind", "the clock shows 1970, and the link is lost", clock(-56 * YEAR_S),
        8, 1, 5, "clock-before-build", "word", world={"clock": {}}),
    Row("clock-ahead", "the clock is 30 years ahead, and the link is lost", clock(30 * YEAR_S),
        8, 1, 5, "certificate-expired", "word", world={"clock": {}}),
    Row("clock-slow", "the clock is two hours behind, and the link is lost", clock(-7200),
        8, 1, 5, "not-authorized", "back", world={"clock": {}}),
    Row("clock-step", "the clock is set two hours ahead while the link is up", clock(7200, kick=False),
        100, None, 5, "clock-stepped", "notice", world=accelerated(8)),

    # The hub.
    Row("connack-closed", "the hub closes before it answers CONNECT", hub_fault("RefuseConnect", code=0, count=1000),
        8, 1, 15, "connack-closed", "lost"),
    Row("connack-silent", "the hub does not answer CONNECT", connack_silent,
        40, 1, 45, "connack-timeout", "word", world=accelerated(4)),
    Row("subscription-refused", "the hub refuses a subscription", hub_fault("SubackFailure", count=1000),
        8, 1, 15, "subscription-refused", "word"),
    Row("subscription-silent", "the hub does not answer a subscription", hub_fault("DropSuback", count=1000),
        45, 1, 45, "subscription-timeout", "word", world=accelerated(4)),
    Row("connack-3", "the hub is not available (CONNACK 3)", hub_fault("RefuseConnect", code=3, count=1000),
        30, 1, 60, "hub-unavailable", "word", world=accelerated(4)),
    Row("connack-5", "the hub does not take the key (CONNACK 5)", hub_fault("RefuseConnect", code=5, count=1000),
        60, 1, 130, "not-authorized", "word", world=accelerated(8)),
    Row("disabled", "the device is disabled", disabled,
        60, 1, 130, "not-authorized", "word", world=accelerated(8)),
    Row("removed", "the device is removed, and registered again with the same key", removed,
        60, 1, 130, "not-authorized", "word", world=accelerated(8)),
    Row("duplicate", "somebody else connects as the same device",
        hub_fault("CloseAfterConnect", milliseconds=1000, count=3),
        20, 1, 125, "duplicate-identity", "word", world=accelerated(8)),
    Row("two-devices", "a second aziotd has the same connection string", second_daemon,
        20, 15, 125, "duplicate-identity", "word", long=True),
    Row("throttled", "the hub takes five messages a second, of ten: acknowledgements come late",
        hub_limits({"d2cPerSecond": 5, "d2cBacklogSeconds": 15}, {"d2cPerSecond": 0, "d2cBacklogSeconds": 5}),
        20, None, 30, None, "order"),
    Row("quota", "the messages of the day are used up: the hub closes when one comes",
        hub_limits({"messagesPerDay": 1, "quotaConnack": 0}, {"messagesPerDay": 0}),
        900, 3, 120, "quota", "lost", world=accelerated(20), overtaken=1),
    Row("puback-lost", "the hub takes messages, and closes instead of acknowledging them",
        hub_fault("DropBeforePuback", kick=False, count=3),
        20, 1, 40, "hub-throttles", "duplicates", world=accelerated(4)),
    Row("puback-late", "the hub keeps its acknowledgements back", hub_fault("HoldPubacks", kick=False, hold=True),
        70, 61, 40, "puback-timeout", "duplicates", world=accelerated(8)),
    Row("poison", "the hub closes whenever a certain message comes", poison,
        400, 1, 60, "poison-message", "lost", world=accelerated(8), gives_up=1),

    # The provisioning service.
    Row("deleted", "the device is deleted at the hub; the provisioning service knows it", removed_by_mistake,
        30, 1, 5400, "not-authorized", "back", around=True, long=True, world=provisioned(60)),
    Row("moved", "the hub is deleted; the provisioning service assigns another", moved,
        60, 1, 1500, "name-unknown", "back", around=True, world=provisioned(30)),
    Row("dps-disabled", "the enrollment is disabled when the device comes first",
        enrollment({"status": "disabled"}, {"status": "enabled"}),
        60, 60, 3700, "provisioning-disabled", "word", from_start=True, world=provisioned(60)),
    Row("dps-webhook", "the custom allocation fails when the device comes first",
        enrollment({"failure": 400207}, {"failure": 0}),
        60, 30, 1300, "provisioning-webhook", "word", from_start=True, world=provisioned(30)),
    Row("dps-throttles", "the provisioning service answers 429 when the device comes first", dps_throttles,
        60, 30, 1300, "provisioning-throttled", "word", from_start=True, world=provisioned(30)),
    Row("dps-unknown-name", "DNS does not know the provisioning service when the device comes first",
        names({DPS_NAME: []}, kick=False),
        20, 1, 30, "name-unknown", "word", from_start=True, world=provisioned(2)),
)
