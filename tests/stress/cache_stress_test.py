"""Kills writers of a cache, and lets writers meet.

The number of repetitions is small here; `scripts/stress 100` does more.
"""

import random
import time

import pytest
from absl.testing import absltest

from tests import support
from tests.stress import cache_writer

pytestmark = pytest.mark.slow


class Stress(absltest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.context = cache_writer.context()
        cls.times = cache_writer.repetitions()

    def start(self, folder, **kwargs):
        """Starts a writer; returns it when it begins to write."""
        mine, its = self.context.Pipe()
        process = self.context.Process(
            target=cache_writer.write, args=(str(folder), its), kwargs=kwargs
        )
        process.start()
        self.addCleanup(process.kill)
        self.addCleanup(mine.close)
        self.assertTrue(mine.poll(120), "The writer did not begin.")
        self.assertEqual(mine.recv(), "begins")
        return process, mine

    def finish(self, process):
        process.join(120)
        self.assertEqual(process.exitcode, 0)

    def whole_cache(self):
        """A cache that was written without a stop, and the seconds it took."""
        folder = support.folder(self) / "whole"
        process, connection = self.start(folder)
        begun = time.monotonic()
        self.assertTrue(connection.poll(120), "The writer did not end.")
        seconds = time.monotonic() - begun
        self.finish(process)
        return folder, seconds


class KillTest(Stress):
    def test_killed_writers_are_taken_up_to_an_equal_cache(self):
        whole, seconds = self.whole_cache()
        expected = cache_writer.content(whole)
        chance = random.Random(0)
        stopped = 0
        for index in range(self.times):
            folder = support.folder(self) / "cache"
            process, _ = self.start(folder)
            time.sleep(chance.uniform(0, seconds))
            process.kill()
            process.join()
            stopped += not (folder / "manifest.json").exists()
            process, _ = self.start(folder)
            self.finish(process)
            self.assertEqual(cache_writer.content(folder), expected, index)
        # Otherwise all were killed too late, and nothing was shown.
        self.assertGreater(stopped, 0)

    def test_one_cache_survives_many_kills(self):
        whole, seconds = self.whole_cache()
        folder = support.folder(self) / "cache"
        chance = random.Random(1)
        for _ in range(self.times):
            process, _ = self.start(folder)
            time.sleep(chance.uniform(0, seconds / 2))
            process.kill()
            process.join()
        process, _ = self.start(folder)
        self.finish(process)
        self.assertEqual(
            cache_writer.content(folder), cache_writer.content(whole)
        )


class MeetingTest(Stress):
    def test_of_two_teachers_one_is_refused(self):
        for index in range(self.times):
            folder = support.folder(self) / "cache"
            writers = [
                self.start(folder, seed=seed)[0] for seed in (index, index + 1)
            ]
            for writer in writers:
                writer.join(120)
            codes = sorted(writer.exitcode for writer in writers)
            self.assertEqual(codes, [0, 1])
            # The one that came first has written all of it.
            seed = index if writers[0].exitcode == 0 else index + 1
            alone = support.folder(self) / "alone"
            self.finish(self.start(alone, seed=seed)[0])
            self.assertEqual(
                cache_writer.content(folder), cache_writer.content(alone)
            )


if __name__ == "__main__":
    absltest.main()
