# SPDX-License-Identifier: MIT
"""Test cases of the Azure IoT Operations SDKs' protocol (METL): reads one from YAML, with the defaults of its folder.

What comes out is for the driver: the same keys, defaults filled in, durations as microseconds. A key that is absent
takes its default, one that is null stays null and means that there is nothing. Unknown keys are refused: a check that
nobody makes would pass.
"""

import json
import tomllib
from pathlib import Path

import yaml


class CaseError(Exception):
    """A file that is no test case, with the place in it."""


# Shapes: each takes a node of YAML and the path to it, and gives the value for the driver. They work on nodes because
# only these tell '1.0' from 1 and null from "", and because a plain 1955-11-12 is to stay a text.


def is_null(node):
    return node.tag == "tag:yaml.org,2002:null"


def scalar(node, path, what):
    if not isinstance(node, yaml.ScalarNode) or is_null(node):
        raise CaseError(f"{path}: is not {what}")
    return node.value


def text(node, path):
    return scalar(node, path, "a text")


def integer(node, path):
    try:
        return int(scalar(node, path, "a number"))
    except ValueError:
        raise CaseError(f"{path}: is not a number") from None


def boolean(node, path):
    value = scalar(node, path, "true or false").lower()
    if value not in ("true", "false"):
        raise CaseError(f"{path}: is not true or false")
    return value == "true"


def one_of(*values):
    def shape(node, path):
        if text(node, path) not in values:
            raise CaseError(f"{path}: is '{node.value}', not one of {', '.join(values)}")
        return node.value
    return shape


def nullable(inner):
    return lambda node, path: None if is_null(node) else inner(node, path)


def list_of(inner):
    def shape(node, path):
        if not isinstance(node, yaml.SequenceNode):
            raise CaseError(f"{path}: is not a list")
        return [inner(item, f"{path}[{i}]") for i, item in enumerate(node.value)]
    return shape


def items_of(node, path):
    """Yields key and node of a mapping; null is an empty one."""
    if is_null(node):
        return
    if not isinstance(node, yaml.MappingNode):
        raise CaseError(f"{path}: is not a mapping")
    seen = set()
    for key, value in node.value:
        name = text(key, path)
        if name in seen:
            raise CaseError(f"{path}: '{name}' is there twice")
        seen.add(name)
        yield name, value


def map_of(inner):
    return lambda node, path: {name: inner(value, f"{path}.{name}") for name, value in items_of(node, path)}


def record(fields, required=()):
    def shape(node, path):
        result = {}
        for name, value in items_of(node, path):
            if name not in fields:
                raise CaseError(f"{path}: unknown key '{name}'")
            result[name] = fields[name](value, f"{path}.{name}")
        for name in required:
            if name not in result:
                raise CaseError(f"{path}: '{name}' is missing")
        return result
    return shape


UNITS = {"hours": 3_600_000_000, "minutes": 60_000_000, "seconds": 1_000_000, "milliseconds": 1000, "microseconds": 1}


def duration(node, path):
    parts = record({unit: integer for unit in UNITS})(node, path)
    return sum(UNITS[unit] * n for unit, n in parts.items())


# What a case consists of.

ACKS = list_of(one_of("success", "fail", "drop"))
TEXTS = map_of(text)
TEXTS_OR_ABSENT = map_of(nullable(text))
COUNTS = map_of(integer)

CATCH = record({
    "error-kind": one_of(
        "missing header", "invalid header", "invalid payload", "timeout", "cancellation", "invalid configuration",
        "invalid state", "internal logic error", "unknown error", "execution error", "mqtt error",
        "unsupported version"),
    "is-shallow": boolean,
    "is-remote": boolean,
    "message": text,
    "supplemental": record({name: text for name in (
        "header-name", "header-value", "timeout-name", "timeout-value", "property-name", "property-value",
        "command-name", "protocol-version", "supported-protocols")}),
}, ["error-kind"])

SYNC = {"signal-event": text, "wait-event": text}
SERIALIZER_OUT = {"out-content-type": text, "indicate-character-data": boolean}
SERIALIZER_IN = {
    "accept-content-types": list_of(text), "allow-character-data": boolean, "fail-deserialization": boolean}
TOPIC = {"topic-namespace": nullable(text), "topic-token-map": TEXTS}

COMPONENTS = {
    "executor": {
        **TOPIC,
        "command-name": nullable(text),
        "serializer": record(SERIALIZER_IN | SERIALIZER_OUT),
        "request-topic": nullable(text),
        "executor-id": nullable(text),
        "idempotent": boolean,
        "cache-ttl": nullable(duration),
        "execution-timeout": nullable(duration),
        "request-responses-map": map_of(list_of(text)),
        "response-metadata": TEXTS_OR_ABSENT,
        "token-metadata-prefix": text,
        "execution-concurrency": nullable(integer),
        "raise-error": boolean,
        "sync": list_of(record(SYNC)),
    },
    "invoker": {
        **TOPIC,
        "command-name": nullable(text),
        "serializer": record(SERIALIZER_IN | SERIALIZER_OUT),
        "request-topic": nullable(text),
        "response-topic-prefix": nullable(text),
        "response-topic-suffix": nullable(text),
        "response-topic-pattern": nullable(text),
    },
    "receiver": {
        **TOPIC,
        "serializer": record(SERIALIZER_IN),
        "telemetry-topic": nullable(text),
        "raise-error": boolean,
    },
    "sender": {
        **TOPIC,
        "telemetry-name": nullable(text),
        "serializer": record(SERIALIZER_OUT),
        "telemetry-topic": nullable(text),
    },
}

RECEIVE = {
    "topic": text,
    "payload": nullable(text),
    "content-type": nullable(text),
    "format-indicator": nullable(integer),
    "metadata": TEXTS,
    "qos": integer,
    "message-expiry": nullable(duration),
    "packet-index": integer,
}
SEND = {"topic-token-map": TEXTS, "timeout": nullable(duration), "metadata": TEXTS}
CORRELATION = {"correlation-index": nullable(integer)}

ANY_ACTIONS = {
    "disconnect": {},
    "sleep": {"duration": duration},
    "freeze time": {},
    "unfreeze time": {},
}
ACTIONS = {
    "executor": {
        "receive request": {
            **RECEIVE, **CORRELATION,
            "correlation-id": text,
            "response-topic": nullable(text),
            "source-index": nullable(integer),
        },
        "await publish": CORRELATION,
        "await acknowledgement": {"packet-index": integer},
        "sync": SYNC,
    },
    "invoker": {
        "invoke command": {
            **SEND, "invocation-index": integer, "command-name": text, "request-value": nullable(text)},
        "await invocation": {
            "invocation-index": integer, "catch": CATCH, "response-value": nullable(text),
            "metadata": TEXTS_OR_ABSENT},
        "receive response": {
            **RECEIVE, **CORRELATION,
            "status": nullable(text),
            "status-message": nullable(text),
            "is-application-error": nullable(text),
            "invalid-property-name": nullable(text),
            "invalid-property-value": nullable(text),
        },
        "await publish": CORRELATION,
        "await acknowledgement": {"packet-index": integer},
    },
    "receiver": {
        "receive telemetry": {**RECEIVE, "source-index": nullable(integer)},
        "await acknowledgement": {"packet-index": integer},
    },
    "sender": {
        "send telemetry": {
            **SEND, "telemetry-name": text, "telemetry-value": nullable(text), "qos": integer,
            "cloud-event": nullable(record({name: nullable(text) for name in (
                "source", "type", "spec-version", "id", "time", "subject", "data-schema")})),
        },
        "await send": {"catch": CATCH},
        "await publish": {},
    },
}
REQUIRED = {
    "sleep": ["duration"],
    "invoke command": ["invocation-index"],
    "await invocation": ["invocation-index"],
}

PUBLISHED = {
    "topic": text,
    "payload": nullable(text),
    "content-type": nullable(text),
    "format-indicator": nullable(integer),
    "metadata": TEXTS_OR_ABSENT,
    "expiry": nullable(integer),
}
RECEIVED_CLOUD_EVENT = record({name: nullable(text) for name in (
    "source", "type", "spec-version", "id", "time", "data-content-type", "subject", "data-schema")})
EPILOGUES = {
    "executor": {
        "subscribed-topics": list_of(text),
        "publication-count": integer,
        "published-messages": list_of(record({
            **PUBLISHED, **CORRELATION, "command-status": nullable(integer), "is-application-error": boolean,
            "source-id": nullable(text)}, ["correlation-index"])),
        "acknowledgement-count": integer,
        "execution-count": integer,
        "execution-counts": COUNTS,
        "catch": CATCH,
    },
    "invoker": {
        "subscribed-topics": list_of(text),
        "publication-count": integer,
        "published-messages": list_of(record({
            **PUBLISHED, **CORRELATION, "source-id": nullable(text)}, ["correlation-index"])),
        "acknowledgement-count": integer,
        "catch": CATCH,
    },
    "receiver": {
        "subscribed-topics": list_of(text),
        "acknowledgement-count": integer,
        "telemetry-count": integer,
        "telemetry-counts": COUNTS,
        "received-telemetries": list_of(record({
            "telemetry-value": nullable(text),
            "metadata": TEXTS_OR_ABSENT,
            "topic-tokens": TEXTS,
            "cloud-event": nullable(RECEIVED_CLOUD_EVENT),
            "source-index": nullable(integer),
        })),
        "catch": CATCH,
    },
    "sender": {
        "publication-count": integer,
        "published-messages": list_of(record({**PUBLISHED, "source-id": nullable(text)})),
        "catch": CATCH,
    },
}
FEATURES = (
    "unobtanium", "ack-ordering", "topic-filtering", "reconnection", "caching", "dispatch", "explicit-default",
    "multiple-serializers")


def action(kind):
    actions = ANY_ACTIONS | ACTIONS[kind]

    def shape(node, path):
        name = dict(items_of(node, path)).get("action")
        name = one_of(*actions)(name, f"{path}.action") if name else ""
        fields = {"action": text, **actions.get(name, {})}
        return record(fields, ["action", *REQUIRED.get(name, [])])(node, path)
    return shape


def test_case(kind):
    return record({
        "test-name": text,
        "description": record({"condition": text, "expect": text}, ["condition", "expect"]),
        "requires": list_of(one_of(*FEATURES)),
        "prologue": record({
            "mqtt-config": record({"client-id": text}),
            "push-acks": record({"publish": ACKS, "subscribe": ACKS, "unsubscribe": ACKS}),
            f"{kind}s": list_of(record(COMPONENTS[kind])),
            "catch": CATCH,
            **({"countdown-events": COUNTS} if kind == "executor" else {}),
        }),
        "actions": list_of(action(kind)),
        "epilogue": record(EPILOGUES[kind]),
    }, ["test-name", "description", "prologue"])


# Where the prologue is to catch an error and none comes: what is done then, and may fail as well.
FIRST_USES = {
    "invoker": {"action": "invoke command", "invocation-index": 0},
    "sender": {"action": "send telemetry"},
}


def compose(content, path):
    try:
        node = yaml.compose(content, Loader=yaml.SafeLoader)
    except yaml.YAMLError as e:
        raise CaseError(f"{path}: {e}") from None
    if not isinstance(node, yaml.MappingNode):
        raise CaseError(f"{path}: is no test case")
    return node


def kind_of(node, path):
    """Which of the four a case is about: the prologue says so, or else the name of its folder or file."""
    prologue = dict(items_of(node, path)).get("prologue")
    keys = [name for name, _ in items_of(prologue, "prologue")] if prologue else []
    names = [f"{path.parent.name}/{path.name}".lower()]
    for kind in COMPONENTS:
        if f"{kind}s" in keys or not any(f"{k}s" in keys for k in COMPONENTS) and kind in names[0]:
            return kind
    raise CaseError(f"{path}: neither executors, invokers, receivers nor senders are in the prologue")


class Defaults:
    """The defaults of a folder: of the component and of each of its actions."""

    def __init__(self, kind, path):
        document = {}
        if path:
            with open(path, "rb") as file:
                document = tomllib.load(file)
        actions = {name.replace(" ", "-"): fields for name, fields in ACTIONS[kind].items()}
        shape = record({
            "prologue": record({kind: record(COMPONENTS[kind])}),
            "actions": record({name: record(fields) for name, fields in actions.items()}),
        })
        # JSON is YAML: the same shapes judge both.
        values = shape(yaml.compose(json.dumps(document), Loader=yaml.SafeLoader), str(path))
        self.component = values.get("prologue", {}).get(kind, {})
        self.actions = {name.replace("-", " "): value for name, value in values.get("actions", {}).items()}


def find_defaults(folder):
    """The defaults.toml of a folder; one of cases that must fail has those of the folder of the same name beside."""
    for candidate in (folder, folder.parent.parent / "Protocol" / folder.name, folder.parent.parent / folder.name):
        if (candidate / "defaults.toml").is_file():
            return candidate / "defaults.toml"
    return None


def fill(values, defaults):
    """What is absent takes its default; a serializer does so key by key."""
    result = {**defaults, **values}
    if "serializer" in defaults:
        result["serializer"] = {**defaults["serializer"], **values.get("serializer", {})}
    return result


def load(path):
    """Reads a case: a dictionary for the driver."""
    path = Path(path)
    node = compose(path.read_bytes(), path)
    kind = kind_of(node, path)
    result = test_case(kind)(node, path.name)
    defaults = Defaults(kind, find_defaults(path.parent))

    prologue = result["prologue"]
    components = [fill(c, defaults.component) for c in prologue.pop(f"{kind}s", [])]
    actions = [fill(a, defaults.actions.get(a["action"], {})) for a in result.get("actions", [])]
    first_use = FIRST_USES.get(kind, {}) if "catch" in prologue else {}
    return {
        "name": path.stem,
        "kind": kind,
        "requires": result.get("requires", []),
        "prologue": {**prologue, "components": components},
        "first-use": {**defaults.actions.get(first_use["action"], {}), **first_use} if first_use else None,
        "actions": actions,
        "epilogue": result.get("epilogue", {}),
    }
