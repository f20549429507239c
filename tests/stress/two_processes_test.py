"""Lets two processes meet in one folder, of every kind.

The number of pairs is small here; `scripts/stress 10` lets more meet.
"""

import collections
import random
import time

import pytest
from absl.testing import absltest
from absl.testing import parameterized

from tests import support
from tests.stress import cache_writer
from tests.stress import folder_users

pytestmark = pytest.mark.slow


class TwoProcessesTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.context = folder_users.context()

    def start(self, kind, folder, *arguments):
        """Starts a process that uses a folder; returns where it reports."""
        mine, its = self.context.Pipe()
        process = self.context.Process(
            target=folder_users.use, args=(kind, str(folder), its, *arguments)
        )
        process.start()
        self.addCleanup(process.kill)
        self.addCleanup(mine.close)
        return mine

    def end(self, connection):
        self.assertTrue(connection.poll(folder_users.WAIT), "It hangs.")
        return connection.recv()

    def alone(self, kind, folder):
        return self.end(self.start(kind, folder))

    @parameterized.parameters(*folder_users.KINDS)
    def test_the_second_waits_or_is_refused_and_none_ends_wrong(self, kind):
        begun = time.monotonic()
        expected = self.alone(kind, support.folder(self) / "alone")
        seconds = time.monotonic() - begun
        self.assertEqual(expected[0], "ended", expected[1])
        chance = random.Random(kind)
        counts = collections.Counter()
        few = 1 if kind in folder_users.SLOW else 2
        for _ in range(cache_writer.repetitions(few)):
            folder = support.folder(self) / "used"
            start = self.context.Barrier(2)
            both = [
                self.start(kind, folder, start, delay)
                for delay in (0.0, chance.uniform(0, seconds / 2))
            ]
            found = [self.end(one) for one in both]
            for how, what in found:
                if how == "refused":
                    self.assertIn("used by one process at a time", what)
                else:
                    self.assertEqual((how, what), expected)
            hows = sorted(how for how, _ in found)
            self.assertIn("ended", hows)
            counts[" + ".join(hows)] += 1
            # Whoever comes later finds it whole.
            self.assertEqual(self.alone(kind, folder), expected)
        print(kind, dict(counts))


if __name__ == "__main__":
    absltest.main()
