# SPDX-License-Identifier: MIT
"""A device in a few lines: MQTT 3.1.1 over TLS, written for these tests alone, and able to break every rule."""

import base64
import collections
import hashlib
import hmac
import json
import re
import socket
import ssl
import struct
import time
import urllib.parse

TIMEOUT_S = 30
DPS_FILTER = "$dps/registrations/res/#"

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4
NOT_AUTHORIZED = 5  # of CONNACK
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 10, 11, 12, 13, 14


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">H", len(data)) + data


def packet(first, body=b""):
    header, n = bytes([first]), len(body)
    while True:
        header += bytes([n & 0x7F | (0x80 if n > 0x7F else 0)])
        n >>= 7
        if n == 0:
            return header + body


def publish(topic, payload=b"{}", qos=1, packet_id=1, flags=0):
    if isinstance(payload, str):
        payload = payload.encode()
    return packet(PUBLISH << 4 | qos << 1 | flags,
                  text(topic) + (struct.pack(">H", packet_id) if qos else b"") + payload)


def subscribe(*filters, qos=0, packet_id=1):
    return packet(SUBSCRIBE << 4 | 2,
                  struct.pack(">H", packet_id) + b"".join(text(f) + bytes([qos]) for f in filters))


def parse_connection_string(line):
    return dict(part.split("=", 1) for part in line.strip().split(";"))


def sas_token(resource, key, expiry_s):
    uri = urllib.parse.quote(resource, safe="")
    signature = hmac.digest(base64.b64decode(key), f"{uri}\n{expiry_s}".encode(), hashlib.sha256)
    signature = urllib.parse.quote(base64.b64encode(signature), safe="")
    return f"SharedAccessSignature sr={uri}&sig={signature}&se={expiry_s}"


Message = collections.namedtuple("Message", "bag payload qos dup packet_id")


class Closed(Exception):
    """The hub ended the connection."""


class Device:
    """One connection. Nothing is sent by itself."""

    def __init__(self, connection_string, ca_file, client_certificate=None, tls_version=None, tls_session=None):
        """'tls_session' is another Device, whose session is to be resumed."""
        fields = parse_connection_string(connection_string)
        self.id, self.key = fields["DeviceId"], fields.get("SharedAccessKey")
        self._open(fields["HostName"], ca_file, client_certificate, tls_version, tls_session)

    def _open(self, host, ca_file, client_certificate, tls_version=None, tls_session=None):
        self.host = host
        name, port = host.split(":")
        context = tls_session.socket.context if tls_session else ssl.create_default_context(cafile=ca_file)
        if client_certificate and not tls_session:
            context.load_cert_chain(*client_certificate)
        if tls_version:
            context.minimum_version = context.maximum_version = tls_version
        self.socket = context.wrap_socket(socket.create_connection((name, int(port)), TIMEOUT_S), server_hostname=name,
                                          session=tls_session and tls_session.socket.session)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            raise Closed from None

    def _read(self, n):
        while len(self.buffer) < n:
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                raise
            except OSError:
                data = b""
            if not data:
                raise Closed
            self.buffer += data
        taken, self.buffer = self.buffer[:n], self.buffer[n:]
        return taken

    def receive(self, expected=None):
        """The next packet: (type, flags, body); with 'expected', of this type, and its body alone."""
        first, n, shift = self._read(1)[0], 0, 0
        while True:
            byte = self._read(1)[0]
            n |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        body = self._read(n)
        if expected is None:
            return first >> 4, first & 15, body
        assert first >> 4 == expected, f"packet of type {first >> 4}, not {expected}"
        return body

    def connect(self, clean=False, keep_alive_s=60, lifetime_s=3600, client_id=None, user_name=None, password=None,
                will=None, will_flags=0, level=4):
        """Sends CONNECT and returns (session present, return code)."""
        if user_name is None:
            user_name = f"{self.host}/{self.id}/?api-version=2021-04-12"
        if password is None and self.key:
            password = sas_token(f"{self.host}/devices/{self.id}", self.key, int(time.time()) + lifetime_s)
        flags = 0x80 | (0 if password is None else 0x40) | (2 if clean else 0) | (4 | will_flags if will else 0)
        body = text("MQTT") + bytes([level, flags]) + struct.pack(">H", keep_alive_s)
        body += text(self.id if client_id is None else client_id)
        if will:
            body += text(will[0]) + text(will[1])
        body += text(user_name) + (b"" if password is None else text(password))
        self.send(packet(CONNECT << 4, body))
        session_present, code = self.receive(CONNACK)
        return bool(session_present), code

    def subscribe(self, *filters, qos=0):
        """Returns the codes of SUBACK."""
        self.send(subscribe(*filters, qos=qos))
        return list(self.receive(SUBACK)[2:])

    def telemetry(self, payload="{}", properties="", packet_id=1):
        """Sends a message and waits for its PUBACK."""
        self.send(publish(f"devices/{self.id}/messages/events/{properties}", payload, packet_id=packet_id))
        assert struct.unpack(">H", self.receive(PUBACK)) == (packet_id,)

    def receive_call(self):
        """The next method call: (name, request id, payload)."""
        body = self.receive(PUBLISH)
        n = struct.unpack(">H", body[:2])[0]
        name, request_id = body[2:2 + n].decode().removeprefix("$iothub/methods/POST/").split("/?$rid=")
        return name, request_id, body[2 + n:]

    def answer_call(self, request_id, status=200, payload=""):
        self.send(publish(f"$iothub/methods/res/{status}/?$rid={request_id}", payload, qos=0))

    def receive_message(self):
        """The next cloud-to-device message."""
        kind, flags, body = self.receive()
        assert kind == PUBLISH, f"packet of type {kind}, not a message"
        return self.parse_message(flags, body)

    def parse_message(self, flags, body):
        n = struct.unpack(">H", body[:2])[0]
        topic, rest, qos = body[2:2 + n].decode(), body[2 + n:], flags >> 1 & 3
        bag = topic.removeprefix(f"devices/{self.id}/messages/devicebound/")
        assert bag != topic, topic
        return Message(bag, rest[2:] if qos else rest, qos, bool(flags & 8),
                       struct.unpack(">H", rest[:2])[0] if qos else None)

    def puback(self, message):
        self.send(packet(PUBACK << 4, struct.pack(">H", message.packet_id)))

    def ping(self):
        """What was sent before has been carried out when this returns; nothing may come in between."""
        self.send(packet(PINGREQ << 4))
        self.receive(PINGRESP)

    def get_twin(self, request_id="1"):
        self.send(publish(f"$iothub/twin/GET/?$rid={request_id}", b"", qos=0))

    def report(self, patch, request_id="1"):
        self.send(publish(f"$iothub/twin/PATCH/properties/reported/?$rid={request_id}", patch, qos=0))

    def receive_twin(self):
        """The next answer or notification: (topic without "$iothub/twin/", payload)."""
        body = self.receive(PUBLISH)
        n = struct.unpack(">H", body[:2])[0]
        return body[2:2 + n].decode().removeprefix("$iothub/twin/"), body[2 + n:].decode()

    def wait_for_close(self):
        """Waits until the hub ends the connection; what it sends before is passed over."""
        while True:
            try:
                self.receive()
            except Closed:
                return


class ProvisionedDevice(Device):
    """One connection to the provisioning service, made of what "aziot-hubsim enrollment add" has printed."""

    def __init__(self, line, ca_file, client_certificate=None):
        fields = parse_connection_string(line)
        self.scope, self.id, self.key = fields["IdScope"], fields["RegistrationId"], fields.get("SharedAccessKey")
        self.request_id = 0
        self._open(fields["Endpoint"], ca_file, client_certificate)

    def connect(self, clean=True, user_name=None, password=None, skn="&skn=registration", lifetime_s=3600, **options):
        if user_name is None:
            user_name = f"{self.scope}/registrations/{self.id}/api-version=2019-03-31"
        if password is None:
            password = "" if self.key is None else skn.join([sas_token(
                f"{self.scope}/registrations/{self.id}", self.key, int(time.time()) + lifetime_s), ""])
        return super().connect(clean=clean, user_name=user_name, password=password, **options)

    def request(self, topic, payload=b""):
        """Asks, and returns (status, retry-after or None, document)."""
        self.request_id += 1
        self.send(publish(f"$dps/registrations/{topic.format(rid=self.request_id)}", payload, qos=0))
        return self.receive_answer()

    def receive_answer(self, request_id=None):
        body = self.receive(PUBLISH)
        n = struct.unpack(">H", body[:2])[0]
        match = re.fullmatch(r"\$dps/registrations/res/(\d+)/\?\$rid=([^&]*)(&retry-after=(\d+))?",
                             body[2:2 + n].decode())
        assert match.group(2) == str(request_id or self.request_id), match.group()
        return int(match.group(1)), int(match.group(4)) if match.group(3) else None, json.loads(body[2 + n:])

    def register(self, body=None):
        return self.request("PUT/iotdps-register/?$rid={rid}",
                            json.dumps({"registrationId": self.id}) if body is None else body)

    def poll(self, operation_id):
        return self.request(f"GET/iotdps-get-operationstatus/?$rid={{rid}}&operationId={operation_id}")

    def provision(self, body=None):
        """Connects, registers and polls as fast as it may; the final document."""
        assert self.connect() == (False, 0)
        self.subscribe(DPS_FILTER)
        status, retry_after, document = self.register(body)
        while status == 202:
            time.sleep(retry_after)
            status, retry_after, document = self.poll(document["operationId"])
        return document
