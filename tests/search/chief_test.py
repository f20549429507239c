import os
import socket
import threading
import time
import types
from unittest import mock

import grpc
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.search import chief


def environment(tuner_id, port=1):
    return mock.patch.dict(
        os.environ,
        {
            chief.ID: tuner_id,
            chief.IP: "127.0.0.1",
            chief.PORT: str(port),
        },
    )


class ChiefTest(parameterized.TestCase):
    @parameterized.parameters(("chief", True, False), ("worker0", False, True))
    def test_roles(self, tuner_id, is_chief, is_worker):
        with environment(tuner_id):
            self.assertEqual(chief.is_chief(), is_chief)
            self.assertEqual(chief.is_worker(), is_worker)

    def test_alone_is_neither(self):
        self.assertFalse(chief.is_chief() or chief.is_worker())

    def test_waits_for_one_who_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            with environment("worker0", server.getsockname()[1]):
                chief.wait(5)

    def test_refuses_half_an_address(self):
        with mock.patch.dict(os.environ, {chief.PORT: "here"}):
            with self.assertRaisesRegex(
                ValueError, "set together.*Received.*PORT=here"
            ):
                chief.wait()

    @parameterized.parameters("here", "0", "65536", "-1", "")
    def test_refuses_what_is_no_port(self, port):
        with environment("chief", port):
            with self.assertRaisesRegex(
                ValueError, f"from 1 to 65535.*Received.*PORT={port}"
            ):
                chief.check()

    def test_refuses_a_port_that_is_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with environment("chief", port):
                with self.assertRaisesRegex(
                    ValueError, f"nobody else listens.*Received.*PORT={port}"
                ):
                    chief.check()
            # Workers are to find somebody there.
            with environment("worker0", port):
                chief.check()
        with environment("chief", port):
            chief.check()

    def test_refuses_an_address_of_another_machine(self):
        # Of a block that is kept for documentation, RFC 5737.
        with environment("chief", 5000):
            with mock.patch.dict(os.environ, {chief.IP: "192.0.2.1"}):
                with self.assertRaisesRegex(
                    ValueError, "of this machine.*Received.*IP=192.0.2.1"
                ):
                    chief.check()

    def test_a_process_alone_has_no_port(self):
        chief.check()

    def test_says_when_nobody_answers(self):
        server = socket.create_server(("127.0.0.1", 0))
        port = server.getsockname()[1]
        server.close()
        with environment("worker0", port):
            with self.assertRaisesRegex(
                TimeoutError, f"127.0.0.1:{port}.*KERASTUNER_TUNER_ID=chief"
            ):
                chief.wait(0.1)

    def test_a_worker_asks_less_often_while_there_is_nothing_to_do(self):
        trials = [
            types.SimpleNamespace(status=status)
            for status in ("IDLE", "IDLE", "RUNNING")
        ]
        oracle = mock.Mock()
        oracle.create_trial.side_effect = trials
        chief.make_patient(oracle)
        with mock.patch.object(chief.time, "sleep") as sleep:
            got = [oracle.create_trial("worker0") for _ in trials]
        self.assertEqual(got, trials)
        self.assertEqual(sleep.call_count, 2)

    def test_a_request_that_a_kill_cut_off_is_sent_again(self):
        for name in ("create_trial", "update_trial", "end_trial", "get_trial"):
            with self.subTest(name):
                oracle, lines = mock.Mock(), []
                answer = types.SimpleNamespace(status="RUNNING")
                request = mock.Mock(side_effect=[Unavailable(), answer])
                request.__name__ = name
                setattr(oracle, name, request)
                chief.make_patient(oracle, lines.append)
                with mock.patch.object(chief.time, "sleep"):
                    self.assertIs(getattr(oracle, name)("0"), answer)
                self.assertEqual(request.call_args_list, [mock.call("0")] * 2)
                self.assertLen(lines, 1)
                self.assertIn("started again", lines[0])

    def test_other_errors_of_a_request_are_raised(self):
        oracle = mock.Mock()
        oracle.end_trial.side_effect = Unknown
        chief.make_patient(oracle)
        with self.assertRaises(Unknown):
            oracle.end_trial("0")

    def test_a_chief_ends_that_is_started_after_the_end(self):
        never, lines = threading.Event(), []
        self.addCleanup(never.set)
        oracle = types.SimpleNamespace(is_over=True, was_asked=False)
        tuner = types.SimpleNamespace(search=never.wait, oracle=oracle)
        chief.end_when_over(tuner, lines.append)
        with mock.patch.object(chief, "SECONDS", 0.01):
            tuner.search()
        self.assertIn("over", lines[0])

    def test_a_chief_serves_those_who_ask_after_the_end(self):
        done = []
        oracle = types.SimpleNamespace(is_over=True, was_asked=True)

        def serve(verbose):
            time.sleep(0.05)
            done.append(verbose)

        tuner = types.SimpleNamespace(search=serve, oracle=oracle)
        chief.end_when_over(tuner, lambda line: None)
        with mock.patch.object(chief, "SECONDS", 0.01):
            tuner.search(verbose=0)
        self.assertEqual(done, [0])


class Unavailable(grpc.RpcError):
    """What grpc raises when the connection breaks within a request."""

    def code(self):
        return grpc.StatusCode.UNAVAILABLE


class Unknown(grpc.RpcError):
    """What grpc raises when the chief itself raised."""

    def code(self):
        return grpc.StatusCode.UNKNOWN


if __name__ == "__main__":
    absltest.main()
