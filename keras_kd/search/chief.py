"""Roles of the several processes of one search."""

import os
import socket
import time

ID = "KERASTUNER_TUNER_ID"
IP = "KERASTUNER_ORACLE_IP"
PORT = "KERASTUNER_ORACLE_PORT"
# Name in keras-tuner of the process that keeps the state.
CHIEF = "chief"
# And of a process that is alone.
ALONE = "tuner0"

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
    if None in values.values() or not values[PORT].isdigit():
        given = ", ".join(f"{name}={value}" for name, value in values.items())
        raise ValueError(
            f"{ID}, {IP} and {PORT} must be set together, the last to a "
            f"number. Received: {given}."
        )
    return values[IP], int(values[PORT])


def ask_less_often(oracle):
    """Makes a worker wait between requests, if the chief has no trial.

    keras-tuner itself repeats the request at once, hundreds of times a second.

    Args:
        oracle: That of a worker's tuner.
    """
    create = oracle.create_trial

    def create_trial(tuner_id):
        trial = create(tuner_id)
        if trial.status == "IDLE":
            time.sleep(IDLE_SECONDS)
        return trial

    oracle.create_trial = create_trial
