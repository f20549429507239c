"""The list of tests that hold on every backend, and some of them elsewhere."""

import pytest
from absl.testing import absltest
from absl.testing import parameterized

from tests.backend import everywhere
from tests.backend import processes


class EverywhereTest(parameterized.TestCase):
    def test_all_files_are_there(self):
        for name in everywhere.FILES:
            self.assertTrue((processes.ROOT / name).is_file(), name)

    @parameterized.parameters(*processes.OTHERS)
    @pytest.mark.slow
    def test_what_surrounds_the_core_holds(self, backend):
        processes.require(self, backend)
        process = processes.run(
            backend,
            "-m",
            "pytest",
            "--quiet",
            "-p",
            "no:cacheprovider",
            "-m",
            "not slow",
            *everywhere.SURROUNDINGS,
        )
        self.assertEqual(process.returncode, 0, process.stdout[-5000:])


if __name__ == "__main__":
    absltest.main()
