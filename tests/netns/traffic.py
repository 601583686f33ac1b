"""Traffic that goes on while a mesh changes: run in pods by change_test and its neighbours, as a process of its own.

    traffic.py kept HOST PORT PATH CONNECTIONS PER_SECOND    requests at a steady rate over kept connections
    traffic.py fresh HOST PORT PATH CONNECTIONS PER_SECOND   requests at a steady rate, each over a connection of its own
    traffic.py opaque HOST PORT PER_SECOND                   one connection of bytes that come back
    traffic.py echo PORT                                     a server for the latter
    traffic.py upgrade PORT                                  an HTTP server that switches every connection to bytes that come back

The load is open: a request is due at its time however long others take, and its latency counts from then. SIGTERM ends it after
what is under way; its last line is JSON. Whatever closes a connection but ourselves is counted.
"""

import asyncio
import contextlib
import json
import signal
import sys
import time

ANSWER_SECONDS = 10.0


class Count:
    def __init__(self):
        self.requests = self.failed = self.connects = self.closed = 0
        self.latencies, self.faults = [], []
        self.began = time.monotonic()

    def fault(self, what):
        """Of the first few the time and the words are kept."""
        self.failed += 1
        if len(self.faults) < 10:
            self.faults.append(f"{time.monotonic() - self.began:.3f} s: {what}")

    def told(self):
        latencies = sorted(self.latencies) or [0.0]
        at = {str(share): latencies[min(len(latencies) - 1, int(share * len(latencies)))] for share in (0.5, 0.99, 1)}
        return json.dumps({"requests": self.requests, "failed": self.failed, "connects": self.connects, "closed": self.closed,
                           "faults": self.faults, "latency": at})


class Line:
    """One connection that is asked again and again, or (`keep` False) a new one each time. `ask` sends one request and raises
    when its answer is not good."""

    def __init__(self, host, port, count, ask, keep):
        self.host, self.port, self.count, self.ask, self.keep = host, port, count, ask, keep
        self.reader = self.writer = None

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None

    async def _connected(self):
        if self.reader is not None and self.reader.at_eof():
            self.count.closed += 1
            self.count.faults.append(f"{time.monotonic() - self.count.began:.3f} s: closed while idle")
            self.close()
        if self.reader is None:
            self.count.connects += 1
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port)

    async def once(self, due):
        self.count.requests += 1
        try:
            await asyncio.wait_for(self._exchange(), ANSWER_SECONDS)
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError) as why:
            self.count.closed += not isinstance(why, (asyncio.TimeoutError, ValueError))
            self.count.fault(f"{type(why).__name__} {why}")
            self.close()
        self.count.latencies.append(time.monotonic() - due)

    async def _exchange(self):
        await self._connected()
        await self.ask(self.reader, self.writer)
        if not self.keep:
            self.close()

    async def run(self, first, period, ended):
        due = first
        while not ended.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                if (left := due - time.monotonic()) > 0:
                    await asyncio.wait_for(ended.wait(), left)
                    return
            await self.once(due)
            due += period


def http_request(host, path):
    head = f"GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode()

    async def ask(reader, writer):
        writer.write(head)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = answer.lower().split("\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith("content-length:")), None)
        if length is None:
            raise ValueError(f"no length: {answer}")
        body = await reader.readexactly(length)
        if not answer.startswith("HTTP/1.1 200 "):
            raise ValueError(f"{answer} {body.decode('latin-1')}")

    return ask


def opaque_message():
    number = 0

    async def ask(reader, writer):
        nonlocal number
        number += 1
        message = f"message {number}\n".encode()
        writer.write(message)
        if (back := await reader.readexactly(len(message))) != message:
            raise ValueError(f"{message} came back as {back}")

    return ask


async def drive(host, port, ask_of, connections, per_second, keep=True):
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    count = Count()
    begin = time.monotonic()
    lines = [Line(host, port, count, ask_of(), keep) for _ in range(connections)]
    await asyncio.gather(*(line.run(begin + number / per_second, connections / per_second, ended)
                           for number, line in enumerate(lines)))
    for line in lines:
        line.close()
    print(count.told(), flush=True)


async def echo(port, upgrade=False):
    async def serve(reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            if upgrade:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    await (await asyncio.start_server(serve, "0.0.0.0", port)).serve_forever()


def main(kind, *arguments):
    if kind in ("kept", "fresh"):
        host, port, path, connections, per_second = arguments
        asyncio.run(drive(host, int(port), lambda: http_request(host, path), int(connections), float(per_second), kind == "kept"))
    elif kind == "opaque":
        host, port, per_second = arguments
        asyncio.run(drive(host, int(port), opaque_message, 1, float(per_second)))
    else:
        asyncio.run(echo(int(arguments[0]), kind == "upgrade"))


if __name__ == "__main__":
    main(*sys.argv[1:])
