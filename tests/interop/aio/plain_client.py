#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A plain MQTT 5 client as the other end of ours, which writes the envelope of Azure IoT Operations by hand.

It works as the Rust SDK beside it does: settings from AIO_* in the environment, what it saw as a JSON object a line,
and with VERBOSE in the environment a line for each message.

    plain_client.py serve TOPIC             counts requests and answers with the count
    plain_client.py invoke TOPIC COUNT      invokes, one after the other
    plain_client.py send TOPIC COUNT        sends telemetry
    plain_client.py receive TOPIC COUNT     receives so much telemetry
"""

import json
import os
import queue
import sys
import time
import uuid

from paho.mqtt import client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

TIMEOUT_S = 30
RESERVED = ("__", "$partition", "$high_priority")
CLOUD_EVENT = ("id", "source", "specversion", "type", "subject", "time", "dataschema")


class Stranger:
    def __init__(self):
        self.client_id = os.environ["AIO_MQTT_CLIENT_ID"]
        self.node, self.counter = str(uuid.uuid4()), 0
        self.messages, self.subscribed = queue.Queue(), queue.Queue()
        self.client = mqtt.Client(self.client_id, protocol=mqtt.MQTTv5)
        if os.environ.get("AIO_MQTT_USE_TLS", "true") == "true":
            self.client.tls_set(os.environ["AIO_TLS_CA_FILE"])
        self.client.on_message = lambda client, userdata, message: self.messages.put(message)
        self.client.on_subscribe = lambda client, userdata, mid, codes, properties: self.subscribed.put(codes)
        properties = Properties(PacketTypes.CONNECT)
        properties.ReceiveMaximum = 65535
        self.client.connect(os.environ["AIO_BROKER_HOSTNAME"], int(os.environ["AIO_BROKER_TCP_PORT"]),
                            properties=properties)
        self.client.loop_start()

    def subscribe(self, topic):
        self.client.subscribe(topic, qos=1)
        codes = self.subscribed.get(timeout=TIMEOUT_S)
        assert codes[0].value == 1, codes[0]

    def timestamp(self):
        self.counter += 1
        return f"{int(time.time() * 1000):015}:{self.counter:05}:{self.node}"

    def properties(self, user, expiry_s, correlation=None, response_topic=None):
        properties = Properties(PacketTypes.PUBLISH)
        properties.ContentType = "application/json"
        properties.PayloadFormatIndicator = 1
        properties.MessageExpiryInterval = expiry_s
        if correlation is not None:
            properties.CorrelationData = correlation
        if response_topic is not None:
            properties.ResponseTopic = response_topic
        properties.UserProperty = [("__ts", self.timestamp()), ("__srcId", self.client_id), ("__protVer", "1.0"), *user]
        return properties

    def publish(self, topic, body, properties):
        """Waits for the PUBACK."""
        info = self.client.publish(topic, json.dumps(body, separators=(",", ":")), qos=1, properties=properties)
        info.wait_for_publish(TIMEOUT_S)
        assert info.is_published()

    # ---- its roles ----

    def serve(self, topic):
        self.subscribe(topic)
        n = 0
        while True:
            request = self.messages.get()
            n += 1
            seen = describe(request)
            if "VERBOSE" in os.environ:
                print(json.dumps(seen), flush=True)
            self.publish(request.properties.ResponseTopic, {"CounterResponse": n},
                         self.properties([("__stat", "200"), *map(tuple, seen["user"])],
                                         request.properties.MessageExpiryInterval, request.properties.CorrelationData))

    def invoke(self, topic, count):
        response_topic = f"clients/{self.client_id}/{topic}"
        self.subscribe(response_topic)
        for _ in range(count):
            correlation = uuid.uuid4().bytes
            self.publish(topic, {"IncrementValue": 1},
                         self.properties([("$partition", self.client_id), ("stranger", "plain")], TIMEOUT_S, correlation,
                                         response_topic))
            response = self.messages.get(timeout=TIMEOUT_S)
            assert response.properties.CorrelationData == correlation
            print(json.dumps(describe(response)), flush=True)

    def send(self, topic, count):
        event = [("id", str(uuid.uuid4())), ("source", "aio://stranger/plain"), ("specversion", "1.0"),
                 ("type", "ms.aio.telemetry"), ("stranger", "plain")]
        for n in range(count):
            self.publish(topic, {"n": n}, self.properties(event, TIMEOUT_S))

    def receive(self, topic, count):
        self.subscribe(topic)
        for _ in range(count):
            print(json.dumps(describe(self.messages.get())), flush=True)


def describe(message):
    pairs = getattr(message.properties, "UserProperty", [])
    headers = dict(pairs)
    event = [headers.get(name, "") for name in ("source", "type", "specversion")]
    return {
        "topic": message.topic,
        "payload": message.payload.decode(),
        "contentType": getattr(message.properties, "ContentType", ""),
        "from": headers.get("__srcId"),
        "status": headers.get("__stat"),
        "user": [list(pair) for pair in pairs if not pair[0].startswith(RESERVED) and pair[0] not in CLOUD_EVENT],
        "cloudEvent": " ".join(event) if all(event) else None,
    }


def main():
    role, topic, *numbers = sys.argv[1:]
    if role not in ("serve", "invoke", "send", "receive"):
        sys.exit(f"unknown role {role}")
    stranger = Stranger()
    getattr(stranger, role)(topic, *map(int, numbers[:1]))
    stranger.client.disconnect()
    stranger.client.loop_stop()


if __name__ == "__main__":
    main()
