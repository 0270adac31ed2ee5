#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Our Varlink server and interface files as a client sees them that is not ours: Python's 'varlink' from PyPI.

usage: varlink_client.py SERVER SCRATCH INTERFACE...

SERVER is the program varlink-server. SCRATCH is a directory to which the module is downloaded once. Speaks TAP.
"""

import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import pypi

HERE = pathlib.Path(__file__).parent
PROGRAM, SCRATCH, FILES = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]

failure = pypi.fetch(SCRATCH / "interop-varlink", HERE / "requirements.txt")
if failure:
    print(f"1..0 # SKIP varlink from PyPI: {failure}")
    sys.exit()

import varlink


class Server:
    """The program, with a socket in a directory that goes with it."""

    def __init__(self, program):
        self.directory = tempfile.TemporaryDirectory()
        self.path = f"{self.directory.name}/socket"
        self.process = subprocess.Popen([program, self.path])
        deadline = time.monotonic() + 10
        while not pathlib.Path(self.path).is_socket():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server did not start")
            time.sleep(0.01)

    def stop(self):
        self.process.terminate()
        status = self.process.wait(timeout=10)
        self.directory.cleanup()
        return status


def open_interface(server, name="org.example.test"):
    return varlink.Client.new_with_address(f"unix:{server.path}").open(name)


def every_interface_file_is_parsed(server):
    for file in FILES:
        interface = varlink.Interface(pathlib.Path(file).read_text(encoding="utf-8"))
        assert f"{interface.name}.varlink" == pathlib.Path(file).name


def service_describes_itself(server):
    client = varlink.Client.new_with_address(f"unix:{server.path}")
    assert client.get_interfaces() and client.info["product"] == "varlink-server", client.info
    assert client.info["interfaces"] == ["org.varlink.service", "org.example.test"], client.info
    described = client.get_interface("org.example.test").get_description()
    assert described == (HERE / "../data/org.example.test.varlink").read_text(encoding="utf-8")


def call_is_answered(server):
    with open_interface(server) as service:
        value = {"n": 9007199254740993, "text": "\x00é😀\"\\", "list": [True, None, {}]}
        assert service.Echo(value)["value"] == value
        kinds = service.Kinds(
            flag=True, n=7, color="green", shade="dark", text="t", map={"a": "b", "": "é"}, strings=["x", ""],
            item={"any": [1]}, one={"name": "one"}, other={"name": "other", "n": None}, many=[{"name": "a", "n": 1}, {"name": "b"}],
        )
        assert kinds == {"text": "t"}, kinds


def oneway_call_is_not_answered(server):
    with open_interface(server) as service:
        before = service.Count()
        for _ in range(10):
            service.Count(_oneway=True)
        after = service.Count()
        assert after["calls"] == before["calls"] + 11, after
        assert after["oneway"] == before["oneway"] + 10, after


def error_has_its_name_and_parameters(server):
    with open_interface(server) as service:
        try:
            service.Release(name="nobody")
        except varlink.VarlinkError as error:
            assert error.error() == "org.example.test.NotHeld", error
            assert error.parameters() == {"name": "nobody"}, error
        else:
            raise AssertionError("no error")
        try:
            service.Kinds(one={"name": "a"}, n=1000)
        except varlink.InvalidParameter as error:
            assert error.parameters() == {"parameter": "n"}, error
        else:
            raise AssertionError("no error")


def tick_and_release(server):
    with open_interface(server) as service:
        for n in range(1, 4):
            while True:
                try:
                    service.Tick(name="w", n=n)
                    break
                except varlink.VarlinkError:  # the watcher has not begun
                    time.sleep(0.01)
        service.Release(name="w")


def more_call_streams(server):
    ticker = threading.Thread(target=tick_and_release, args=[server])
    ticker.start()
    with open_interface(server) as watcher:
        received = [reply.get("n") for reply in watcher.Watch(name="w", _more=True)]
        ticker.join()
        assert received == [1, 2, 3, None], received
        # The connection is good for the next call.
        assert watcher.Echo({})["value"] == {}


def shell_is_answered(server):
    call = b'{"method":"org.example.test.Echo","parameters":{"value":{"x":1.10}}}\0'
    result = subprocess.run(["socat", "-", f"UNIX-CONNECT:{server.path}"], input=call * 3, capture_output=True,
                            timeout=10)
    assert result.stdout == b'{"parameters":{"value":{"x":1.10}}}\0' * 3, result


def server_ends_without_a_leak(server):
    held = open_interface(server)
    held._send_message(b'{"method":"org.example.test.Hold","parameters":{"name":"h"}}')
    assert server.stop() == 0


TESTS = [
    every_interface_file_is_parsed, service_describes_itself, call_is_answered, oneway_call_is_not_answered,
    error_has_its_name_and_parameters, more_call_streams, shell_is_answered, server_ends_without_a_leak,
]


def main():
    server = Server(PROGRAM)
    for number, test in enumerate(TESTS, 1):
        try:
            test(server)
            print(f"ok {number} - {test.__name__}", flush=True)
        except Exception:
            print(f"not ok {number} - {test.__name__}", flush=True)
            print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), end="", flush=True)
    print(f"1..{len(TESTS)}")


main()
