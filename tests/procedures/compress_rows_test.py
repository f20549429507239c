"""The rows that `compress` makes, asks about and keeps."""

import pathlib

import numpy as np
import pytest
from absl.testing import absltest

import keras_kd
from keras_kd.procedures._compress import answers
from tests import support
from tests.procedures import small_compressions as small


class RowsTest(absltest.TestCase):
    def test_what_is_between_integers_is_not_rounded(self):
        seen = []

        def encode(rows):
            seen.append(rows)
            return rows.astype("float32")

        x = np.random.default_rng(0).integers(0, 6, (40, 4)).astype("uint8")
        small.compress(x=x, encode=encode, validation_data=None, updates=3)
        (made,) = seen
        self.assertEqual(made.dtype, np.float64)
        np.testing.assert_array_equal(made[:40], x)
        self.assertTrue(np.any(made != np.round(made)))
        self.assertLess(np.abs(made).max(), 12)

    @pytest.mark.slow
    def test_a_resumed_run_asks_the_teacher_nothing_again(self):
        asked = []

        def answer(x):
            asked.append(len(x))
            return 4.0 * x[:, :2]

        def run(**kwargs):
            counting = keras_kd.teachers.FunctionTeacher(
                answer, num_classes=2, from_logits=True, identity="1"
            )
            return small.compress(
                teacher=counting,
                directory=folder,
                num_synthetic=[0, 60],
                validation_data=None,
                updates=6,
                **kwargs,
            )

        folder = support.folder(self)
        with self.assertRaises(KeyboardInterrupt):
            run(callbacks=[support.Interrupt(epoch=5)])
        self.assertEqual(sum(asked), 40 + 100)
        run()
        self.assertEqual(sum(asked), 40 + 100)

    def test_damaged_rows_are_named_and_made_again(self):
        folder = support.folder(self)
        common = {"directory": folder, "updates": 3, "validation_data": None}
        expected = small.compress(**common)
        (rows,) = pathlib.Path(folder).glob("*.npz")
        content = bytearray(rows.read_bytes())
        content[len(content) // 2] ^= 255
        rows.write_bytes(bytes(content))
        with self.assertWarnsRegex(UserWarning, f"{rows.name}.*made again"):
            again = small.compress(**common)
        self.assertEqual(again.histories, expected.histories)
        rows.unlink()
        small.compress(**common)
        self.assertTrue(rows.exists())

    def test_a_teacher_is_asked_in_parts(self):
        asked = []

        def answer(x):
            asked.append(len(x))
            return x[:, :2]

        many = keras_kd.teachers.FunctionTeacher(
            answer, num_classes=2, from_logits=True
        )
        x = small.rows(10_000)
        np.testing.assert_allclose(answers.ask(many, x), x[:, :2], rtol=1e-6)
        self.assertEqual(asked, [4096, 4096, 1808])


if __name__ == "__main__":
    absltest.main()
