"""Kills workers that train together, at any moment.

The number of kills is small here; `scripts/stress 15` does more.
"""

import random
import time

import numpy as np
from absl.testing import absltest

from tests import support
from tests.stress import cache_writer
from tests.stress import fit_process


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

    def test_killed_workers_come_to_the_same_weights(self):
        whole = support.folder(self)
        workers = self.start(whole)
        begun = time.monotonic()
        self.finish(workers)
        seconds = time.monotonic() - begun
        expected, other = fit_process.result(whole)
        self.assertEqual(support.largest_difference(expected, other), 0)
        chance, cut = random.Random(0), 0
        folder = support.folder(self)
        for _ in range(cache_writer.repetitions()):
            workers = self.start(folder)
            time.sleep(chance.uniform(0, 0.7 * seconds))
            chance.shuffle(workers)
            for worker in workers:
                worker.kill()
                worker.join()
                cut += worker.exitcode != 0
                # The other one is on its way, or waits for the first.
                time.sleep(chance.uniform(0, 0.5))
        self.finish(self.start(folder))

        for found in fit_process.result(folder):
            for ours, theirs in zip(found, expected, strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)
        # Otherwise all were killed too late, and nothing was shown.
        self.assertGreater(cut, 0)


if __name__ == "__main__":
    absltest.main()
