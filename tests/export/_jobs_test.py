import json
import pathlib
import signal
import tempfile
from unittest import mock

from absl.testing import absltest

from keras_kd.export import _jobs

JOBS = [{"id": name, "file": name} for name in ("a", "b", "c")]


class RunTest(absltest.TestCase):
    def run_with(self, *codes, ends_in=(), failing=()):
        """Runs `JOBS` in processes that do all but `ends_in`, until it comes.

        Args:
            *codes: Exit codes of the processes.
            ends_in: Ids of jobs that end a process.
            failing: Ids of jobs that fail.
        """
        codes = iter(codes)
        self.orders = []

        def start(path, log):
            log.write_text("what it printed")
            orders = json.loads(path.read_text())
            self.orders.append(orders)
            with open(orders["results"], "a") as file:
                for job in orders["jobs"]:
                    if job["id"] in ends_in:
                        break
                    error = "no" if job["id"] in failing else None
                    line = {"id": job["id"], "error": error, "value": 1}
                    file.write(json.dumps(line) + "\n")
            return next(codes)

        with (
            tempfile.TemporaryDirectory() as place,
            mock.patch.object(_jobs, "_start", start),
        ):
            return _jobs.run({"test": "x"}, JOBS, pathlib.Path(place))

    def test_gives_the_result_of_each_job(self):
        done = self.run_with(0)
        self.assertEqual(
            done, dict.fromkeys("abc", {"error": None, "value": 1})
        )
        self.assertEqual(self.orders[0]["test"], "x")

    def test_another_process_goes_on_behind_what_ended_one(self):
        done = self.run_with(-signal.SIGSEGV, 0, ends_in="b", failing="a")
        self.assertIn("SIGSEGV", done["b"]["error"])
        self.assertIsNone(done["c"]["error"])
        self.assertEqual(self.orders[1]["failed"], ["a", "b"])
        self.assertEqual(self.orders[1]["jobs"], JOBS[2:])

    def test_a_process_that_does_not_start_is_an_error(self):
        with self.assertRaisesRegex(RuntimeError, "what it printed"):
            self.run_with(1, ends_in="a")


if __name__ == "__main__":
    absltest.main()
