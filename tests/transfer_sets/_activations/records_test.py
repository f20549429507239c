import dataclasses

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import transfer_sets
from keras_kd._core import array_files
from tests import support
from tests.transfer_sets import small_teachers


class RoundTripTest(parameterized.TestCase):
    @parameterized.named_parameters(*small_teachers.CONTENTS)
    def test_a_file_gives_back_all_that_was_recorded(self, content):
        teacher = small_teachers.net(6, 5, 4, 3)
        records = small_teachers.records(teacher, content)
        path = support.folder(self) / "records.npz"
        records.save(path)

        loaded = transfer_sets.load_records(path, teacher)

        self.assertEqual(loaded.content, content)
        for field in ("teacher", "num_classes", "layers"):
            self.assertEqual(getattr(loaded, field), getattr(records, field))
        self.assertEqual(set(loaded.arrays), set(records.arrays))
        for name, array in records.arrays.items():
            np.testing.assert_array_equal(loaded.arrays[name], array)
            self.assertEqual(loaded.arrays[name].dtype, array.dtype)
        self.assertEqual(loaded.digest(), records.digest())

    def test_leaves_one_file_of_the_name_given(self):
        records = small_teachers.records(small_teachers.net(6, 5, 3))
        folder = support.folder(self)
        records.save(folder / "records")
        self.assertEqual([p.name for p in folder.iterdir()], ["records"])

    def test_counts_its_bytes(self):
        # Three classes of a mean of 3 and a full factor of 3x3, in float32.
        records = small_teachers.records(small_teachers.net(6, 5, 3))
        self.assertEqual(records.num_bytes, 3 * (3 + 9) * 4)

    def test_other_records_have_another_digest(self):
        records = small_teachers.records(small_teachers.net(6, 5, 3))
        arrays = dict(records.arrays)
        arrays["mean.0.0"] = np.nextafter(arrays["mean.0.0"], 9)
        changed = dataclasses.replace(records, arrays=arrays)
        self.assertNotEqual(changed.digest(), records.digest())


class DamageTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.teacher = small_teachers.net(6, 5, 3)
        self.records = small_teachers.records(self.teacher)
        self.path = support.folder(self) / "records.npz"
        self.records.save(self.path)
        self.content = self.path.read_bytes()

    def load(self):
        return transfer_sets.load_records(self.path, self.teacher)

    def test_refuses_a_truncated_file(self):
        size = len(self.content)
        for length in (0, 1, 30, size // 2, size - 20, size - 1):
            self.path.write_bytes(self.content[:length])
            with self.assertRaisesRegex(
                ValueError,
                rf"records\.npz' must be as it was.*Received: {length} bytes",
            ):
                self.load()

    def test_a_changed_byte_is_refused_or_changes_nothing(self):
        # Some bytes of a zip file mean nothing, such as its dates.
        refused = 0
        for place in range(0, len(self.content), 7):
            changed = bytearray(self.content)
            changed[place] ^= 0x41
            self.path.write_bytes(changed)
            try:
                self.assertEqual(self.load().digest(), self.records.digest())
            except ValueError as error:
                self.assertRegex(str(error), "must be as it was written")
                refused += 1
        self.assertGreater(refused, len(self.content) / 7 / 2)

    def test_refuses_other_numbers_behind_an_old_digest(self):
        with np.load(self.path) as opened:
            arrays = dict(opened)
        arrays["mean.0.0"] = arrays["mean.0.0"] + 1
        np.savez(self.path, **arrays)
        with self.assertRaisesRegex(ValueError, "other content than its dig"):
            self.load()

    def test_refuses_a_file_of_something_else(self):
        np.save(self.path.with_suffix(".npy"), np.zeros(3))
        self.path.write_bytes(self.path.with_suffix(".npy").read_bytes())
        with self.assertRaisesRegex(ValueError, "must be as it was written"):
            self.load()
        array_files.write(self.path, {"format": 99}, {})
        with self.assertRaisesRegex(ValueError, 'of format 1.*"format": 99'):
            self.load()

    def test_says_that_there_is_no_file(self):
        self.path.unlink()
        with self.assertRaises(FileNotFoundError):
            self.load()

    def test_refuses_records_of_another_teacher(self):
        other = small_teachers.net(6, 5, 3, seed=1, name="other")
        with self.assertRaisesRegex(
            ValueError, 'weights that it had.*Received: teacher="other"'
        ):
            transfer_sets.load_records(self.path, other)


if __name__ == "__main__":
    absltest.main()
