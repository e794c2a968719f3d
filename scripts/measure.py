#!/usr/bin/env python3
"""Measures what docs/benchmarks.md states, on loopback, in about four minutes.

Needs the release builds of the binary and of the floor, python3 and wrk:

    cargo build --release && cargo build --release -p auth-http --example floor
    python3 scripts/measure.py
"""

import http.client
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
SERVER = ROOT / "target/release/auth-server"
FLOOR = ROOT / "target/release/examples/floor"
FLOOR_PORT = 5002
EMAIL, PASSWORD = "ada@example.org", "b4l0u"


class Server:
    """The service on a free port, in a folder of its own or one that is there already."""

    def __init__(self, folder, **settings):
        environment = {"AUTH_DATA_DIR": str(folder), "AUTH_LISTEN": "127.0.0.1:0"}
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            [SERVER], env=environment | settings, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        address = re.search(r"http://(\S+)", self.process.stdout.readline()).group(1)
        self.port = int(address.rsplit(":", 1)[1])
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port)

    def post(self, path, **fields):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self.connection.request("POST", path, urllib.parse.urlencode(fields), headers)
        response = self.connection.getresponse()
        response.read()
        return response

    def get(self, path):
        self.connection.request("GET", path)
        response = self.connection.getresponse()
        response.read()
        return response.status

    def rss(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) / 1024

    def stop(self):
        self.process.terminate()
        self.process.wait()


def rate(port, seconds, *headers):
    """Answers a second to GET /profile on 16 connections."""
    command = ["wrk", "-t1", "-c16", f"-d{seconds}s", *headers, f"http://127.0.0.1:{port}/profile"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in told:
        sys.exit(f"the server refused:\n{told}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", told).group(1))


def profile_beside_the_floor(folder, repetitions=5, seconds=4):
    server = Server(folder, AUTH_BCRYPT_COST="4")
    floor = subprocess.Popen([FLOOR])
    try:
        server.post("/users", email=EMAIL, password=PASSWORD)
        idle = server.rss()
        cookie = server.post("/sessions", email=EMAIL, password=PASSWORD).getheader("Set-Cookie").split(";")[0]
        time.sleep(0.5)
        pairs = [
            (rate(FLOOR_PORT, seconds), rate(server.port, seconds, "-H", f"Cookie: {cookie}"))
            for _ in range(repetitions)
        ]
    finally:
        floor.terminate()
        server.stop()
    for bare, ours in pairs:
        print(f"  floor {bare:9.0f}/s   GET /profile {ours:9.0f}/s   {ours / bare:.3f}")
    print(f"  median of the ratios: {statistics.median(ours / bare for bare, ours in pairs):.3f}  (to reach: 0.25)")
    print(f"idle memory: {idle:.1f} MB RSS  (to reach: 20)")


def first_answer(folder, starts=20):
    times = []
    for _ in range(starts):
        server = Server(folder)
        assert server.get("/") == 200
        times.append((time.perf_counter() - server.began) * 1000)
        server.stop()
    print(f"start to first answer, existing database: median {statistics.median(times):.1f} ms, "
          f"worst {max(times):.1f} ms of {starts}  (to reach: 50)")


def unknown_beside_wrong(folder, pairs=200):
    server = Server(folder, AUTH_BCRYPT_COST="12")
    server.post("/users", email="bob@example.org", password=PASSWORD)
    took = {"wrong": [], "unknown": []}
    for number in range(pairs):
        order = [("wrong", "bob@example.org"), ("unknown", f"nobody{number}@example.org")]
        for kind, email in order if number % 2 else reversed(order):
            began = time.perf_counter()
            assert server.post("/sessions", email=email, password="wrong").status == 401
            took[kind].append((time.perf_counter() - began) * 1000)
    server.stop()
    wrong, unknown = (statistics.median(took[kind]) for kind in ("wrong", "unknown"))
    print(f"failed logins, bcrypt 12, {pairs} interleaved pairs: wrong password {wrong:.2f} ms, "
          f"unknown address {unknown:.2f} ms, {100 * (unknown / wrong - 1):+.2f} %  (to reach: 2 %)")


def main():
    print(f"release binary: {os.path.getsize(SERVER) / 1e6:.1f} MB  (to reach: 20)")
    with tempfile.TemporaryDirectory() as folder:
        print("GET /profile, 16 connections, beside a bare actix-web answer:")
        profile_beside_the_floor(folder)
        first_answer(folder)
        unknown_beside_wrong(folder)


if __name__ == "__main__":
    main()
