"""Programs of a scene: started with their output in a file, waited for by a condition, killed at the end."""

import os
import shutil
import signal
import subprocess
import time

from deploy.scene.pods import SceneError, die_with_parent

POLL_SECONDS = 0.02


def wait_until(condition, what, seconds=30.0):
    """Polls until the condition gives something true and returns it; SceneError names `what` after the time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise SceneError(f"did not happen within {seconds:g} s: {what() if callable(what) else what}")
        time.sleep(POLL_SECONDS)


def find(name, package):
    """The path of a program of Debian's."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise SceneError(f"{name} not found; `deploy/setup --for=demo` installs it (Debian package {package})")
    return path


class Program:
    """One process, in a pod or (pod None) in the scene's own namespaces. Ends with the process that started it."""

    def __init__(self, name, command, folder, pod=None, environment=None):
        self.name = name
        self.command = list(command)
        self.log_path = os.path.join(folder, name + ".log")
        self.pod = pod
        self.environment = environment or {}
        self.process = None

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                (self.pod.enter() if self.pod else []) + self.command, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, env={**os.environ, **self.environment}, preexec_fn=die_with_parent,
                start_new_session=True)
        return self

    def wait_ready(self, condition, seconds=30.0):
        """Until `condition`; a program that ends before is an error with its last words."""
        def ready():
            self.check_alive()
            return condition()

        wait_until(ready, lambda: f"{self.name} is ready; it said: {self.last_words()}", seconds)
        return self

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def check_alive(self):
        if not self.alive():
            raise SceneError(f"{self.name} ended with {self.process.returncode}: {self.last_words()}")

    def last_words(self, lines=15):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return "\n".join(file.read().splitlines()[-lines:])

    def kill(self):
        """kill -9."""
        if self.alive():
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
