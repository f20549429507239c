import os
import socket
import types
from unittest import mock

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
        chief.ask_less_often(oracle)
        with mock.patch.object(chief.time, "sleep") as sleep:
            got = [oracle.create_trial("worker0") for _ in trials]
        self.assertEqual(got, trials)
        self.assertEqual(sleep.call_count, 2)


if __name__ == "__main__":
    absltest.main()
