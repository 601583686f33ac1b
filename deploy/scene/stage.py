"""The demo inside of its namespaces: process 1 there. Started by deploy/scene/front.py; when it ends, so does all else.

A leash, a pipe, ties it to the front: when the front goes without a word, even by kill -9, this ends, and with it everything.
After `stay` it holds the mesh up by itself."""

import argparse
import asyncio
import os
import shlex
import signal
import socket
import sys
import threading

from deploy.scene import metrics, objects, pods, servers, verdict
from deploy.scene.mesh import Mesh
from deploy.scene.programs import wait_until
from deploy.scene.screen import Screen
from deploy.scene.story import Story

STAY, UP = b"stay\n", b"up\n"


def hold_the_leash(descriptor):
    def watch():
        said = b""
        while not said.endswith(STAY):
            part = os.read(descriptor, 64)
            if not part:
                os._exit(1)  # the kernel kills all other processes of this pid namespace
            said += part

    threading.Thread(target=watch, daemon=True).start()


def forward(listening, host, port):
    """Serves connections of a socket of the host's network with what listens in the scene's: Prometheus for a browser."""

    async def copy(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass  # either side may go; the other is closed below
        finally:
            writer.close()

    async def serve(reader, writer):
        try:
            there = await asyncio.open_connection(host, port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))

    async def main():
        await (await asyncio.start_server(serve, sock=listening)).serve_forever()

    threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()


def private_folder(path):
    """A tmpfs that only this mount namespace sees: keys never reach a disk."""
    os.makedirs(path, mode=0o700, exist_ok=True)
    pods.run("mount", "-t", "tmpfs", "-o", "mode=0700,size=16m", "keys", path)
    return path


def write_ways_in(mesh, folder):
    """Scripts for people: `in POD COMMAND…` and `weft …`; the front puts the holder's pid beside them."""
    for pod in mesh.network.pods.values():
        with open(os.path.join(folder, f"{pod.name}.pid"), "w", encoding="ascii") as file:
            file.write(f"{pod.pause.pid}\n")
    with open(os.path.join(folder, "canary.yaml"), "w", encoding="utf-8") as file:
        file.write(objects.route({"v1": 50, "v2": 50}))
    here = shlex.quote(folder)
    scripts = {
        "in": f'pod=$1; shift\nexec nsenter --target="$(cat {here}/holder)" --user --preserve-credentials --net --mount --pid -- \\\n'
              f'  nsenter --target="$(cat {here}/"$pod.pid")" --net --mount -- "$@"\n',
        "weft": f'exec {shlex.quote(mesh.programs["WEFT"])} --server {shlex.quote("unix:" + mesh.control.socket)} "$@"\n',
    }
    for name, text in scripts.items():
        with open(os.path.join(folder, name), "w", encoding="ascii") as file:
            file.write("#!/bin/sh\n" + text)
        os.chmod(file.name, 0o755)


def tell(screen, outcome):
    """The summary; True when everything that was promised holds."""
    screen.heading("Summary")
    for line in verdict.table(outcome):
        screen.line("  " + line)
    results = list(verdict.checks(outcome))
    for holds, text in results:
        screen.line(f"{'ok  ' if holds else 'FAIL'}  {text}")
    bad = sum(not holds for holds, _ in results)
    screen.line("demo: all checks hold" if not bad else f"demo: {bad} of {len(results)} checks FAILED")
    return not bad


def play(options, screen):
    programs = {name: os.environ[name] for name in ("WEFT", "WEFT_PROXY", "WEFT_CONTROL")}
    identity = private_folder(os.path.join(options.folder, "keys"))
    screen.heading("A mesh in namespaces of its own: 1 client, web v1 and v2 with 2 replicas each, every one with its sidecar")
    mesh = Mesh(programs, options.folder, identity, say=lambda text: screen.line("  " + text)).__enter__()
    pod, program = mesh.add_prometheus()
    prometheus = metrics.Prometheus(f"{pod.ip}:{servers.PROMETHEUS_PORT}")
    program.wait_ready(prometheus.is_ready)
    targets = len(mesh.sidecars) + 1
    wait_until(lambda: list(prometheus.targets().values()).count("up") == targets,
               lambda: f"Prometheus scrapes {targets} targets: {prometheus.targets()}")
    screen.line(f"  Prometheus scrapes {targets} targets: the sidecars and the control plane")
    if options.browser is not None:
        forward(socket.socket(fileno=options.browser), pod.ip, servers.PROMETHEUS_PORT)
    write_ways_in(mesh, options.folder)
    return tell(screen, Story(mesh, prometheus, screen, options.requests, options.per_second).run())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", required=True)
    parser.add_argument("--leash", type=int, required=True)
    parser.add_argument("--answer", type=int, help="where to say that the mesh stays up")
    parser.add_argument("--browser", type=int, help="listening socket of the host's network")
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--per-second", type=int, required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the front decides
    hold_the_leash(options.leash)
    screen = Screen()
    try:
        good = play(options, screen)
    except (pods.SceneError, OSError) as why:
        screen.keep()
        sys.stderr.write(f"deploy/demo: {why}\n")
        good = False
    sys.stdout.flush()
    if options.answer is None or not good:
        os._exit(0 if good else 1)
    log = os.open(os.path.join(options.folder, "holder.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.write(options.answer, UP)
    os.close(options.answer)
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
