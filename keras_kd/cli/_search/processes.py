"""Several processes of one search on this machine: a chief and workers."""

import dataclasses
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time

from keras_kd._core import own_files
from keras_kd.cli._bench.state import FOLDER
from keras_kd.cli._search.settings import VARIABLES
from keras_kd.cli._shell.errors import DONE
from keras_kd.cli._shell.errors import FAILED
from keras_kd.cli._shell.errors import UNUSABLE

COMMAND = (sys.executable, "-m", "keras_kd_cli", "search")
CHIEF = "chief"
ADDRESS = "127.0.0.1"
RESTARTS = 3
LOOK_SECONDS = 0.2
STOP_SECONDS = 10.0
# Variable of a process whose standard input the starting process holds open.
LEASH = "KERAS_KD_LEASH"
# Flags that are not passed on to the processes of a search.
OWN_FLAGS = ("workers", "overwrite", "resume")


class Child:
    """Child process that ends with this one, however this one ends.

    Args:
        name: What the user reads of it.
        command: List of its arguments.
        variables: Environment variables that it has besides.
        log: Path of a file for what it prints, or `None` for the terminal.
    """

    def __init__(self, name, command, variables, log=None):
        self.name = name
        self.command = command
        # Unbuffered, so that lines of several come in the order of events.
        self.variables = variables | {LEASH: "1", "PYTHONUNBUFFERED": "1"}
        self.log = log
        self.restarts = 0
        self.process = None

    def start(self, *more):
        """Starts it.

        Args:
            *more: Arguments for this time only.
        """
        if self.process is not None:
            self.process.stdin.close()
        options = {}
        if self.log is not None:
            options["stdout"] = own_files.open_to_append(self.log)
            options["stderr"] = subprocess.STDOUT
        self.process = subprocess.Popen(
            [*self.command, *more],
            env=os.environ | self.variables,
            stdin=subprocess.PIPE,
            # Ctrl-C is for this process, which stops the others.
            start_new_session=True,
            **options,
        )
        if self.log is not None:
            options["stdout"].close()

    def restart(self, say):
        """Restarts the process if it died; returns whether that was done."""
        code = self.process.returncode
        where = "" if self.log is None else f"; it printed {self.log}"
        if self.restarts == RESTARTS:
            say(f"The {self.name} ended again, exit code {code}{where}.")
            return False
        self.restarts += 1
        say(
            f"The {self.name} ended, exit code {code}{where}. It is started "
            f"again ({self.restarts} of {RESTARTS})."
        )
        self.start()
        return True

    def stop(self):
        """Ends it if it runs."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()


def end_with_parent():
    """Ends this process when the one that started it has ended."""
    if LEASH not in os.environ:
        return

    def wait():
        # Not through `sys.stdin`, whose lock Python needs when it ends.
        while os.read(0, 1):
            pass
        # Not `sys.exit`, which ends a thread: as after a kill, the next call
        # resumes.
        os._exit(FAILED)

    threading.Thread(target=wait, daemon=True).start()


def say_now(line):
    """Prints a line at once, between those of the other processes."""
    print(line, flush=True)


def supervise(settings, say=say_now):
    """Runs a search in a chief and as many workers as settings say.

    A process that dies is started again, three times each.

    Args:
        settings: A `SearchSettings`.
        say: Takes a line for the user. Defaults to `say_now`.

    Returns:
        The exit code.
    """
    command = [*COMMAND, *as_flags(settings)]
    port = _free_port()
    logs = pathlib.Path(settings.output, FOLDER)
    chief = Child(CHIEF, command, _variables(CHIEF, port))
    workers = [
        Child(
            f"worker {number}",
            command,
            _variables(f"worker{number}", port),
            logs / f"worker_{number}.log",
        )
        for number in range(1, settings.workers + 1)
    ]
    once = [f"--{n}" for n in ("overwrite", "resume") if getattr(settings, n)]
    try:
        chief.start(*once)
        return _follow(chief, workers, port, say)
    finally:
        for child in (*workers, chief):
            child.stop()


def _follow(chief, workers, port, say):
    """Watches over the processes until the chief has ended."""
    waiting = list(workers)
    while True:
        code = chief.process.poll()
        if code in (DONE, UNUSABLE):
            return code
        if code is not None:
            if not chief.restart(say):
                return FAILED
            # The chief ends once a worker knows that no trial is left: workers
            # that know it from the chief before must ask again.
            waiting += [
                worker
                for worker in workers
                if worker not in waiting and worker.process.poll() == DONE
            ]
        if waiting and _answers(port):
            # Not before: the chief first trains the teacher.
            while waiting:
                waiting.pop(0).start()
        for worker in workers:
            if worker in waiting or worker.process.poll() in (None, DONE):
                continue
            if not worker.restart(say):
                return FAILED
        time.sleep(LOOK_SECONDS)


def as_flags(settings):
    """Converts settings to flags, for one of the processes.

    Args:
        settings: A `SearchSettings`.
    """
    values = {
        field.name: getattr(settings, field.name)
        for field in dataclasses.fields(settings)
        if field.name not in OWN_FLAGS
    }
    if settings.methods is not None:
        values["methods"] = ",".join(settings.methods)
    return [f"--{n}={v}" for n, v in values.items() if v is not None]


def _variables(name, port):
    return dict(zip(VARIABLES, (name, ADDRESS, str(port)), strict=True))


def _free_port():
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return probe.getsockname()[1]


def _answers(port):
    try:
        socket.create_connection((ADDRESS, port), timeout=1).close()
        return True
    except OSError:
        return False
