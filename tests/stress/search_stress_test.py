"""Kills searches, their workers and their chief, at any moment.

The number of kills is small here; `scripts/stress 20` does more.
"""

import random
import socket
import time

import pytest
from absl.testing import absltest

from tests import support
from tests.stress import cache_writer
from tests.stress import search_process

pytestmark = pytest.mark.slow


class Stress(absltest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.context = search_process.context()
        cls.times = cache_writer.repetitions()

    def start(self, folder, environment=(), connection=None):
        process = self.context.Process(
            target=search_process.search,
            args=(str(folder), connection, environment),
        )
        process.start()
        self.addCleanup(process.kill)
        return process

    def begin(self, folder):
        """Starts a search; returns it when it begins to search."""
        mine, its = self.context.Pipe()
        process = self.start(folder, connection=its)
        self.addCleanup(mine.close)
        self.assertTrue(mine.poll(120), "The search did not begin.")
        self.assertEqual(mine.recv(), "begins")
        return process

    def assert_whole(self, folder):
        """All trials have ended, once each, with the scores of their values."""
        ended = search_process.state(folder)["oracle"]["end_order"]
        self.assertLen(ended, search_process.TRIALS)
        self.assertLen(set(ended), search_process.TRIALS)
        self.assertLen(search_process.values(folder), search_process.TRIALS)
        self.assertTrue(search_process.scores_fit(folder))


class KillTest(Stress):
    def test_killed_searches_come_to_the_same_end(self):
        whole = support.folder(self)
        process = self.begin(whole)
        begun = time.monotonic()
        process.join(120)
        seconds = time.monotonic() - begun
        self.assertEqual(process.exitcode, 0)
        self.assert_whole(whole)
        chance, cut = random.Random(0), 0
        folder = support.folder(self)
        for _ in range(self.times):
            process = self.begin(folder)
            time.sleep(chance.uniform(0, seconds))
            process.kill()
            process.join()
            cut += process.exitcode != 0
            process = self.start(folder)
            process.join(120)
            self.assertEqual(process.exitcode, 0)
            self.assertEqual(
                search_process.values(folder), search_process.values(whole)
            )
            folder = support.folder(self)
        # Otherwise all were killed too late, and nothing was shown.
        self.assertGreater(cut, 0)


class ChiefTest(Stress):
    def test_workers_and_chief_may_be_killed(self):
        folder = support.folder(self)
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        roles = search_process.roles(port, workers=2)
        running = {n: self.start(folder, e) for n, e in roles.items()}
        chance, kills = random.Random(1), 0
        end = time.monotonic() + 120 + 10 * self.times
        while any(process.is_alive() for process in running.values()):
            self.assertLess(time.monotonic(), end, "The search hangs.")
            time.sleep(chance.uniform(0.05, 0.5))
            name = chance.choice(list(running))
            if kills < self.times and running[name].is_alive():
                running[name].kill()
                running[name].join()
                running[name] = self.start(folder, roles[name])
                kills += 1
        codes = [process.exitcode for process in running.values()]
        self.assertEqual(codes, [0] * len(codes))
        self.assert_whole(folder)
        self.assertGreater(kills, 0)


if __name__ == "__main__":
    absltest.main()
