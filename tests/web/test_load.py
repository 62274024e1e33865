"""A thousand searches at a time: none is lost, and memory stays where it is."""

import asyncio
import json
import re
import resource
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

SEARCHES = 1000


@pytest.fixture
def server(videos):
    script = Path(__file__).with_name("slow_server.py")
    command = [sys.executable, str(script), str(videos / "kitchen.mp4")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.terminate()


@pytest.fixture
def many_files():
    """As many open connections as the system allows; often a thousand are too many."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def search(host, port, number):
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(
        f"GET /api/search?q=query+{number} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    )
    head, body = (await reader.read()).split(b"\r\n\r\n", 1)
    writer.close()
    return int(head.split()[1]), json.loads(body)["query"]


async def flood(address):
    host, port = address.removeprefix("http://").split(":")
    return await asyncio.gather(*(search(host, int(port), number) for number in range(SEARCHES)))


def peak(process):
    """Return the most memory that a process has had, in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def test_a_thousand_searches_at_a_time_are_all_answered_in_bounded_memory(server, many_files):
    process, address = server
    urllib.request.urlopen(f"{address}/api/search?q=first").read()
    before, peaks = peak(process), []
    for _ in range(3):
        answers = asyncio.run(flood(address))
        assert answers == [(200, f"query {number}") for number in range(SEARCHES)]
        peaks.append(peak(process))
    # A waiting request takes a connection and a task: well under 200 kB.
    assert peaks[0] - before < 200
    # And what a request took is free again for the next.
    assert peaks[2] - peaks[0] < 30
