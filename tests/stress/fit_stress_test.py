"""Kills workers that train together, at any moment.

The number of kills is small here; `scripts/stress 15` does more.
"""

import random
import time

import numpy as np
import pytest
from absl.testing import absltest

from tests import support
from tests.stress import cache_writer
from tests.stress import fit_process

pytestmark = pytest.mark.slow


class FitTest(absltest.TestCase):
    def start(self, folder):
        """Starts all workers; returns them when the first trains."""
        context = fit_process.context()
        mine, its = context.Pipe()
        self.addCleanup(mine.close)
        workers = [
            context.Process(
                target=fit_process.fit,
                args=(str(folder), config, None if index else its),
            )
            for index, config in enumerate(fit_process.configs())
        ]
        for worker in workers:
            worker.start()
            self.addCleanup(worker.kill)
        self.assertTrue(mine.poll(120), "The training did not begin.")
        return workers

    def finish(self, workers):
        for worker in workers:
            worker.join(120)
            self.assertEqual(worker.exitcode, 0)

    def kill(self, folder, chance):
        """Starts the workers, and kills them before they can have ended."""
        begun = fit_process.newest(folder)
        workers = self.start(folder)
        # Two epochs are left at least, which take longer than the kills.
        epoch = chance.randint(begun, fit_process.EPOCHS - 2)
        end = time.monotonic() + 120
        while fit_process.newest(folder) < epoch:
            self.assertLess(time.monotonic(), end, "The training hangs.")
            time.sleep(0.01)
        time.sleep(chance.uniform(0, fit_process.SECONDS / 2))
        chance.shuffle(workers)
        for worker in workers:
            worker.kill()
            worker.join()
            # The other one is on its way, or waits for the first.
            time.sleep(chance.uniform(0, fit_process.SECONDS / 2))
        self.assertNotIn(0, [worker.exitcode for worker in workers])

    def test_killed_workers_come_to_the_same_weights(self):
        whole = support.folder(self)
        self.finish(self.start(whole))
        expected, other = fit_process.result(whole)
        self.assertEqual(support.largest_difference(expected, other), 0)
        chance, folder = random.Random(0), support.folder(self)
        for _ in range(cache_writer.repetitions()):
            if fit_process.newest(folder) > fit_process.EPOCHS - 2:
                self.assert_ends_in(folder, expected)
                folder = support.folder(self)
            self.kill(folder, chance)
        self.assert_ends_in(folder, expected)

    def assert_ends_in(self, folder, expected):
        self.finish(self.start(folder))
        for found in fit_process.result(folder):
            for ours, theirs in zip(found, expected, strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


if __name__ == "__main__":
    absltest.main()
