# SPDX-License-Identifier: MIT
"""A client of the broker that knows MQTT 5 and nothing of us: Eclipse Paho, and what the SDKs' documents say.

    with Stranger(broker, "invoker") as stranger:
        response = stranger.invoke("site/3/increment", b"41")
        response.payload, response.properties["__stat"]
"""

import queue
import uuid

import paho.mqtt.client as paho
from harness import TIMEOUT_S
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

__all__ = ["Stranger"]


class Message:
    """What has come, with its user properties as pairs, and as a map in which the last one of a name counts."""

    def __init__(self, message):
        self.topic, self.payload, self.dup = message.topic, message.payload, message.dup
        self.raw = message.properties
        self.pairs = getattr(message.properties, "UserProperty", [])
        self.properties = dict(self.pairs)
        self.content_type = getattr(message.properties, "ContentType", None)
        self.response_topic = getattr(message.properties, "ResponseTopic", None)
        self.correlation = getattr(message.properties, "CorrelationData", None)
        self.expiry_s = getattr(message.properties, "MessageExpiryInterval", None)


class Stranger:
    def __init__(self, broker, client_id):
        self.client_id = client_id
        self.messages, self.subscribed = queue.Queue(), queue.Queue()
        self.client = paho.Client(client_id, protocol=paho.MQTTv5)
        self.client.on_message = lambda _client, _userdata, message: self.messages.put(Message(message))
        self.client.on_subscribe = lambda _client, _userdata, _mid, codes, _properties: self.subscribed.put(codes)
        if broker.ca_file:
            self.client.tls_set(str(broker.ca_file))
        self.client.connect(broker.host, broker.port)
        self.client.loop_start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()

    def subscribe(self, topic_filter):
        self.client.subscribe(topic_filter, options=SubscribeOptions(qos=1))
        self.subscribed.get(timeout=TIMEOUT_S)

    def publish(self, topic, payload, user_properties=(), **properties):
        """Publishes, and waits until it is acknowledged. 'properties' as Paho calls them: ContentType, ResponseTopic …"""
        packed = Properties(PacketTypes.PUBLISH)
        if user_properties:
            packed.UserProperty = list(user_properties)
        for name, value in properties.items():
            if value is not None:
                setattr(packed, name, value)
        self.client.publish(topic, payload, qos=1, properties=packed).wait_for_publish(TIMEOUT_S)

    def receive(self, timeout_s=TIMEOUT_S):
        """The next message; None: none has come in time."""
        try:
            return self.messages.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def request(self, topic, payload, correlation=None, response_topic=None, expiry_s=10, **properties):
        """Sends a request as an SDK does, and returns its correlation data."""
        response_topic = response_topic or f"clients/{self.client_id}/{topic}"
        correlation = correlation or uuid.uuid4().bytes
        self.publish(topic, payload, MessageExpiryInterval=expiry_s, CorrelationData=correlation,
                     ResponseTopic=response_topic, **properties)
        return correlation

    def invoke(self, topic, payload, **properties):
        """Invokes a command and returns the response."""
        self.subscribe(f"clients/{self.client_id}/{topic}")
        correlation = self.request(topic, payload, **properties)
        while True:
            message = self.receive()
            if message is None or message.correlation == correlation:
                return message

    def respond(self, request, payload, status="200", user_properties=(), **properties):
        """Answers a request that has come."""
        self.publish(request.response_topic, payload, [("__stat", status), *user_properties],
                     CorrelationData=request.correlation, **properties)
