"""Roles of the several processes of one search."""

import functools
import os
import socket
import threading
import time

ID = "KERASTUNER_TUNER_ID"
IP = "KERASTUNER_ORACLE_IP"
PORT = "KERASTUNER_ORACLE_PORT"
# Name in keras-tuner of the process that keeps the state.
CHIEF = "chief"
# And of a process that is alone.
ALONE = "tuner0"

# What a worker asks its chief.
_REQUESTS = (
    "create_trial",
    "end_trial",
    "get_best_trials",
    "get_space",
    "get_trial",
    "update_space",
    "update_trial",
)

SECONDS = 60.0
IDLE_SECONDS = 1.0


def own_id():
    """Id of this process in keras-tuner, part of the name of its file."""
    return os.environ.get(ID, ALONE)


def is_chief():
    """Whether this process keeps the state and trains nothing."""
    return PORT in os.environ and CHIEF in os.environ.get(ID, "")


def is_worker():
    """Whether this process gets its trials from another one."""
    return PORT in os.environ and not is_chief()


def check():
    """Validates the part of this process, before anything is trained.

    Raises:
        ValueError: If the environment variables are not as they must be, or
            this process is the chief and cannot listen where they say.
    """
    if PORT not in os.environ:
        return
    address = _address()
    if not is_chief():
        return
    try:
        # Of a chief that was killed, the address is free at once.
        family = socket.getaddrinfo(*address)[0][0]
        socket.create_server(address, family=family).close()
    except OSError as error:
        raise ValueError(
            f"{IP} and {PORT} must be an address of this machine that nobody "
            "else listens at, since workers ask the chief there. Received: "
            f"{IP}={address[0]}, {PORT}={address[1]} ({error}). Choose "
            "another port for the chief and its workers, or end what uses it."
        ) from error


def wait(seconds=SECONDS):
    """Waits until the chief answers.

    Args:
        seconds: For how long.

    Raises:
        TimeoutError: If it does not.
        ValueError: If the environment variables are not as they must be.
    """
    address = _address()
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(address, timeout=1).close()
            return
        except OSError as error:
            if time.monotonic() > end:
                raise TimeoutError(
                    f"The chief of the search must answer at {address[0]}:"
                    f"{address[1]}, but none did within {seconds:g} s "
                    f"({error}). Start it with {ID}={CHIEF} and the same "
                    f"{IP} and {PORT}, or mend the address."
                ) from error
        time.sleep(0.2)


def _address():
    """IP and port of the chief.

    Raises:
        ValueError: If the environment variables are not as they must be.
    """
    values = {name: os.environ.get(name) for name in (ID, IP, PORT)}
    port = values[PORT] or ""
    is_port = port.isdecimal() and 0 < int(port) < 2**16
    if None in values.values() or not is_port:
        given = ", ".join(f"{name}={value}" for name, value in values.items())
        raise ValueError(
            f"{ID}, {IP} and {PORT} must be set together, the last to a "
            f"number from 1 to {2**16 - 1}, since chief and workers meet "
            f"there. Received: {given}. Set all three."
        )
    return values[IP], int(port)


def make_patient(oracle, say=print):
    """Makes a worker wait for a chief that is restarted, and between requests.

    keras-tuner raises, or counts the trial as failed, when the chief is killed
    while it answers. All requests may be sent again: a worker has one trial at
    a time, and the journal ends each trial once. Where there is no trial yet,
    keras-tuner asks again at once, hundreds of times a second.

    Args:
        oracle: The oracle of a worker's tuner.
        say: Takes a line for the user. Defaults to `print`.
    """
    for name in _REQUESTS:
        setattr(oracle, name, _repeated(getattr(oracle, name), say))
    create = oracle.create_trial

    def create_trial(tuner_id):
        trial = create(tuner_id)
        if trial.status == "IDLE":
            time.sleep(IDLE_SECONDS)
        return trial

    oracle.create_trial = create_trial


def end_when_over(tuner, say=print):
    """Lets a chief end that is started again after its search was over.

    keras-tuner waits until a worker asks, and there may be none any more.

    Args:
        tuner: The tuner of the chief, whose oracle is a `journal.Journal`.
        say: Takes a line for the user. Defaults to `print`.
    """
    serve = tuner.search

    def search(*args, **kwargs):
        if not tuner.oracle.is_over:
            return serve(*args, **kwargs)
        say(f"The search is over: waiting {SECONDS:g} s for workers to ask.")
        server = threading.Thread(
            target=serve, args=args, kwargs=kwargs, daemon=True
        )
        server.start()
        server.join(SECONDS)
        if tuner.oracle.was_asked:
            server.join()

    tuner.search = search


def _repeated(request, say):
    """Sends a request again when the connection broke within it."""
    # Not at the top: only a search of several processes needs it.
    import grpc

    @functools.wraps(request)
    def repeated(*args, **kwargs):
        while True:
            try:
                return request(*args, **kwargs)
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    raise
                say(
                    "The chief of the search has gone: waiting until it is "
                    "started again."
                )
                time.sleep(IDLE_SECONDS)

    return repeated
