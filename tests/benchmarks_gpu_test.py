import json
import pathlib

import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from tests import support
from tests.backend import processes

pytestmark = pytest.mark.slow

WITHOUT_TENSORFLOW = """
import runpy
import sys

# So Python takes it for missing.
sys.modules["tensorflow"] = None
sys.argv = ["gpu", *sys.argv[1:]]
runpy.run_module("benchmarks.gpu", run_name="__main__")
"""


class GpuTest(parameterized.TestCase):
    @parameterized.parameters(*processes.OTHERS)
    def test_a_small_run_writes_a_table_and_json(self, backend):
        processes.require(self, backend)
        path = pathlib.Path(support.folder(self), "gpu.json")

        printed = processes.run_well(
            backend,
            *("-c", WITHOUT_TENSORFLOW, "--small"),
            *(f"--backend={backend}", f"--output={path}"),
        )

        found = json.loads(path.read_text())
        self.assertIn(f"{backend} on {found['device']}", printed)
        self.assertIn("feature theirs / ours", printed)
        self.assertEmpty(found["left_out"])
        self.assertCountEqual(
            found["cases"],
            ["images, float32", "large vocabulary, mixed_bfloat16"],
        )
        for name, case in found["cases"].items():
            self.assertIn(name, printed)
            for seconds in case["seconds_a_step"].values():
                self.assertGreater(np.min(seconds["wall"]), 0)
            has_hand = "logits by hand" in case["seconds_a_step"]
            is_plain = name == "images, float32"
            self.assertEqual(has_hand, backend == "torch" and is_plain)


if __name__ == "__main__":
    absltest.main()
