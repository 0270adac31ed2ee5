# SPDX-License-Identifier: MIT
"""The real aziotd with a stock mosquitto as its broker, and no hub."""

import contextlib
import re
import sys
import threading
from pathlib import Path

import harness
from harness import VarlinkError, Wire

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "broker"))
from broker import Broker  # noqa: E402

__all__ = ["BrokerCase"]

# Of a worker that nobody stops: it looks whether it is to end this often.
TAKE_S = 1


class BrokerCase(harness.CliCase):
    """A broker and a daemon that is connected to it."""

    starts_hub = False
    client_id = "device-7"
    broker_options = {"is_verbose": True}  # for wait_for_service()


    def start_daemon(self):
        self.broker = Broker(self.directory, **self.broker_options)
        self.broker.start()
        self.addCleanup(self.broker.end)
        self.daemon.config["Hub"] = {}
        self.daemon.config["Broker"] = {
            "Host": self.broker.host, "Port": self.broker.port, "TrustedCAFile": self.broker.ca_file,
            "ClientId": self.client_id, **self.daemon.config.get("Broker", {})}
        self.daemon.start()
        self.wait_for_broker("online")

    def wait_for_broker(self, state, daemon=None):
        return (daemon or self.daemon).wait_for_status(lambda status: status["broker"]["link"]["state"] == state, f"broker {state}")

    def wait_for_service(self, topic_filter):
        """Until the broker has a subscription of the daemon's."""
        self.broker.wait_for(rf"{self.client_id} 1 (\S*/)?{re.escape(topic_filter)}$")

    def invoke(self, topic, request=None, **parameters):
        return self.daemon.call("io.aziotd.broker.Invoke", {"topic": topic, "request": request, **parameters})

    @contextlib.contextmanager
    def serving(self, topic, answer, n_workers=1, **parameters):
        """Workers that settle each request with answer(request), while the block runs."""
        errors, is_over = [], threading.Event()

        def work():
            with Wire(self.daemon.socket_path, harness.TIMEOUT_S) as wire:
                while not is_over.is_set():
                    request = wire.call("io.aziotd.broker.Take", {"topic": topic, "timeoutSeconds": TAKE_S,
                                                                  **parameters})["request"]
                    if request:
                        try:
                            settled = answer(request)
                        except Exception as e:  # noqa: BLE001
                            errors.append(e)
                            settled = {"failure": str(e)}
                        with contextlib.suppress(VarlinkError):  # it may be too late
                            wire.call("io.aziotd.broker.Settle", {"id": request["id"], **settled})

        threads = [threading.Thread(target=work) for _ in range(n_workers)]
        for thread in threads:
            thread.start()
        try:
            self.wait_for_service(re.sub(r"\{\w+\}", "+", topic))
            yield
        finally:
            is_over.set()
            for thread in threads:
                thread.join()
        if errors:
            raise errors[0]
