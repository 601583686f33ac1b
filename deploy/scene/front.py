"""The demo's front, in the namespaces of the person: one demo at a time, its folder, its namespaces, its end.

deploy/demo starts it with the programs' paths in WEFT, WEFT_PROXY and WEFT_CONTROL. Who holds the lock is up."""

import argparse
import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

from deploy.scene import stage, story

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NAMESPACES = ["unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
DOWN_SECONDS = 20


class State:
    """FOLDER/lock says whether a demo is up, FOLDER/run has its files."""

    def __init__(self, folder):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self.run = os.path.join(folder, "run")
        self.lock = os.open(os.path.join(folder, "lock"), os.O_RDWR | os.O_CREAT, 0o600)

    def take(self):
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            return False

    def read(self, name):
        try:
            with open(os.path.join(self.run, name), encoding="ascii") as file:
                return file.read().strip()
        except FileNotFoundError:
            return ""

    def write(self, name, text):
        with open(os.path.join(self.run, name), "w", encoding="ascii") as file:
            file.write(f"{text}\n")

    def clear(self):
        shutil.rmtree(self.run, ignore_errors=True)


def explain(state):
    run = state.run
    return f"""Prometheus: http://127.0.0.1:{state.read('port')}/graph - ask it for example for
  sum by (destination_version) (rate(weft_requests_total{{direction="outbound"}}[30s]))
Try:
  {run}/weft proxies
  {run}/in client curl -si http://web.shop/
  {run}/weft apply -f {run}/canary.yaml
Stop it: deploy/demo --down
"""


def down(state):
    if state.take():
        state.clear()
        print("deploy/demo: none is up")
        return 0
    outer = state.read("unshare")
    if not outer:
        print("deploy/demo: one is just starting; stop it with Ctrl-C where it runs", file=sys.stderr)
        return 1
    # The lock is held, so this process is that unshare, or has just died with all that it held.
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(outer), signal.SIGKILL)
    deadline = time.monotonic() + DOWN_SECONDS
    while not state.take():
        if time.monotonic() > deadline:
            print(f"deploy/demo: process {outer} does not end", file=sys.stderr)
            return 1
        time.sleep(0.02)
    state.clear()
    print("deploy/demo: down; nothing is left")
    return 0


def browser_socket():
    """A listening socket on this machine's loopback, at Prometheus' own port when that is free."""
    for port in (9090, 0):
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", port))
        except OSError:
            listening.close()
            continue
        listening.listen(16)
        return listening
    raise OSError("no port free on 127.0.0.1")


def first_child(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return file.read().split()[0]


def show(state, options):
    """Runs the stage; the exit code. With --check everything is gone afterwards, else it stays up when it went well."""
    state.clear()
    os.makedirs(state.run, mode=0o700)
    leash_out, leash_in = os.pipe()
    answer_out, answer_in = os.pipe()
    command = [*NAMESPACES, sys.executable, "-m", "deploy.scene.stage", f"--folder={state.run}", f"--leash={leash_out}",
               f"--requests={options.requests}", f"--per-second={options.per_second}"]
    keep = [leash_out, state.lock]
    if not options.check:
        listening = browser_socket()
        state.write("port", listening.getsockname()[1])
        keep += [answer_in, listening.fileno()]
        command += [f"--answer={answer_in}", f"--browser={listening.fileno()}"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=keep, cwd=ROOT, start_new_session=True)
    os.close(answer_in)
    os.close(leash_out)
    try:
        if not options.check and os.read(answer_out, 16) == stage.UP:
            state.write("unshare", process.pid)
            state.write("holder", first_child(process.pid))
            os.write(leash_in, stage.STAY)
            print("\nThe mesh stays up.\n" + explain(state), end="")
            return 0
        return process.wait()
    except KeyboardInterrupt:
        print("\ndeploy/demo: stopped", file=sys.stderr)
        return 130
    finally:
        if not state.read("holder"):
            process.kill()
            process.wait()
            if options.keep_files:
                print(f"deploy/demo: files kept in {state.run}", file=sys.stderr)
            else:
                state.clear()


def main():
    parser = argparse.ArgumentParser(prog="deploy/demo")
    parser.add_argument("--state", required=True)
    parser.add_argument("--is-up", action="store_true", help="only say so, exit 1 when one is")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--down", action="store_true")
    parser.add_argument("--requests", type=int, default=story.REQUESTS)
    parser.add_argument("--per-second", type=int, default=story.PER_SECOND)
    parser.add_argument("--keep-files", action="store_true")
    options = parser.parse_args()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.default_int_handler)
    state = State(options.state)
    if options.down:
        return down(state)
    if not state.take():
        print(f"deploy/demo: one is up already.\n{explain(state)}", end="", file=sys.stderr)
        return 1
    return 0 if options.is_up else show(state, options)


if __name__ == "__main__":
    sys.exit(main())
