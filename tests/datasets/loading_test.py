import os
import pathlib
import re

import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import datasets
from tests import support


def write(path, value=0, size=(4, 5), channels=3):
    """Writes an image of one grey as PNG, JPEG or BMP."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((*size, channels), value, "uint8")
    if path.suffix == ".bmp":
        path.write_bytes(bitmap(image))
        return
    encode = tf.io.encode_png if path.suffix == ".png" else tf.io.encode_jpeg
    path.write_bytes(encode(image).numpy())


def bitmap(image):
    """The bytes of a 24-bit BMP; rows are padded to four bytes."""
    height, width, _ = image.shape
    padding = b"\0" * (-3 * width % 4)
    rows = b"".join(row.tobytes() + padding for row in image[::-1, :, ::-1])
    numbers = (40, width, height, 1 | 24 << 16, 0, len(rows), 0, 0, 0, 0)
    header = b"".join(number.to_bytes(4, "little") for number in numbers)
    sizes = (54 + len(rows), 0, 54)
    start = b"BM" + b"".join(number.to_bytes(4, "little") for number in sizes)
    return start + header + rows


def write_classes(root, counts=(5, 10), **options):
    """Writes `a/0.png`, ..., `b/0.png`, ..., each of its own grey."""
    for label, count in enumerate(counts):
        for number in range(count):
            write(root / "ab"[label] / f"{number}.png", number, **options)


class DigitsTest(absltest.TestCase):
    def test_all_are_in_one_of_the_parts(self):
        from sklearn.datasets import load_digits

        data = datasets.load("digits")
        both = np.concatenate([data.train_images, data.test_images])
        self.assertEqual(data.image_shape, (8, 8, 1))
        self.assertEqual(both.dtype, np.float32)
        np.testing.assert_array_equal(
            np.sort(both.reshape(1797, 64) * 16, axis=0),
            np.sort(load_digits().data, axis=0),
        )

    def test_a_third_of_each_class_is_for_testing(self):
        data = datasets.digits()
        train, test = map(np.bincount, (data.train_labels, data.test_labels))
        np.testing.assert_array_equal(test, (train + test) // 3)

    def test_images_have_their_labels(self):
        # Ones have ink in the middle of the first row's columns, zeros have a
        # hole in the centre.
        data = datasets.digits()
        centre = data.train_images[:, 3:5, 3:5].mean(axis=(1, 2, 3))
        of_zeros, of_ones = (
            centre[data.train_labels == digit].mean() for digit in (0, 1)
        )
        self.assertLess(of_zeros, 0.2)
        self.assertGreater(of_ones, 0.6)


class FolderTest(parameterized.TestCase):
    def test_classes_are_the_sorted_sub_folders(self):
        root = support.folder(self)
        write_classes(root)
        data = datasets.load(root)
        self.assertEqual(data.class_names, ("a", "b"))
        self.assertEqual(data.image_shape, (4, 5, 3))
        # A fifth of 5 and of 10.
        np.testing.assert_array_equal(np.bincount(data.test_labels), [1, 2])
        np.testing.assert_array_equal(np.bincount(data.train_labels), [4, 8])

    def test_every_image_is_in_one_part_with_its_grey(self):
        root = support.folder(self)
        write_classes(root)
        data = datasets.load(root)
        images = np.concatenate([data.train_images, data.test_images])
        labels = np.concatenate([data.train_labels, data.test_labels])
        self.assertEqual(images.dtype, np.float32)
        self.assertEqual(np.ptp(images, axis=(1, 2, 3)).max(), 0)
        grey = images[:, 0, 0, 0] * 255
        for label, count in ((0, 5), (1, 10)):
            np.testing.assert_allclose(
                np.sort(grey[labels == label]), np.arange(count), atol=1e-4
            )

    def test_the_split_depends_on_file_names_alone(self):
        first, second = support.folder(self), support.folder(self)
        write_classes(first)
        for label, count in (("b", 10), ("a", 5)):
            for number in reversed(range(count)):
                write(second / label / f"{number}.png", number)
        for part in ("train_images", "test_images"):
            np.testing.assert_array_equal(
                getattr(datasets.load(first), part),
                getattr(datasets.load(second), part),
            )

    def test_test_fraction(self):
        root = support.folder(self)
        write_classes(root)
        data = datasets.load(root, test_fraction=0.5)
        # Python rounds 2.5 to 2.
        np.testing.assert_array_equal(np.bincount(data.test_labels), [2, 5])

    def test_train_and_test_folders_are_taken_as_they_are(self):
        root = support.folder(self)
        write_classes(root / "train", (3, 4))
        write_classes(root / "test", (1, 2))
        data = datasets.load(root)
        np.testing.assert_array_equal(data.train_labels, [0] * 3 + [1] * 4)
        np.testing.assert_array_equal(data.test_labels, [0, 1, 1])

    def test_reads_each_kind_of_file(self):
        root = support.folder(self)
        for name in ("0.png", "1.jpg", "2.JPEG", "3.bmp"):
            write(root / "a" / name, 200)
            write(root / "b" / name, 100)
        data = datasets.load(root)
        for label, grey in ((0, 200), (1, 100)):
            images = data.train_images[data.train_labels == label]
            self.assertLen(images, 3)
            # JPEG may be off by a level.
            np.testing.assert_allclose(images, grey / 255, atol=1.01 / 255)

    def test_grey_images_get_three_channels(self):
        root = support.folder(self)
        write_classes(root, channels=1)
        self.assertEqual(datasets.load(root).image_shape, (4, 5, 3))

    def test_resizes(self):
        root = support.folder(self)
        write_classes(root)
        data = datasets.load(root, image_size=(2, 3))
        self.assertEqual(data.image_shape, (2, 3, 3))
        np.testing.assert_allclose(data.train_images.max() * 255, 9, rtol=1e-5)

    def test_different_sizes_become_64(self):
        root = support.folder(self)
        write_classes(root)
        write(root / "a" / "large.png", 255, (70, 80))
        data = datasets.load(root)
        self.assertEqual(data.image_shape, (64, 64, 3))
        self.assertIn("64x64", data.note)

    def test_other_files_are_passed_over(self):
        root = support.folder(self)
        write_classes(root)
        (root / "a" / "notes.txt").write_text("no image")
        (root / "a" / ".hidden.png").write_text("no image")
        (root / ".cache").mkdir()
        self.assertEqual(datasets.load(root).class_names, ("a", "b"))

    def test_a_path_with_a_dot_is_a_folder(self):
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(support.folder(self))
        for name in ("mnist", "pets_of_mine"):
            write_classes(pathlib.Path(name))
        self.assertLen(datasets.load("./mnist").train_images, 12)
        self.assertLen(datasets.load("pets_of_mine").train_images, 12)


class BadFolderTest(parameterized.TestCase):
    def assert_refused(self, root, message, **options):
        with self.assertRaisesRegex(ValueError, message):
            datasets.load(root, **options)

    def test_missing(self):
        root = support.folder(self) / "nothing"
        self.assert_refused(root, "can be read.*nothing.*No such file")

    def test_a_file(self):
        path = support.folder(self) / "file.png"
        write(path)
        self.assert_refused(path, "can be read.*file.png.*Not a directory")

    def test_one_class(self):
        root = support.folder(self)
        write_classes(root, (5,))
        self.assert_refused(root, r"at least two.*Received:.*\['a'\]")

    def test_no_class(self):
        self.assert_refused(support.folder(self), r"at least two.*\[\]")

    def test_empty_class(self):
        root = support.folder(self)
        write_classes(root)
        (root / "c").mkdir()
        (root / "c" / "notes.txt").write_text("no image")
        self.assert_refused(root, r"in each.*Received: none in '.*/c'.*\.png")

    def test_class_with_one_image(self):
        root = support.folder(self)
        write_classes(root, (5, 1))
        self.assert_refused(root, "two images.*one in '.*/b'")

    def test_classes_that_differ_between_train_and_test(self):
        root = support.folder(self)
        write_classes(root / "train", (3, 3))
        write_classes(root / "test", (3, 3))
        write(root / "test" / "c" / "0.png")
        self.assert_refused(root, "same classes.*only one of the two has c")

    @parameterized.named_parameters(
        ("text", "broken.png", b"no image"),
        ("empty", "broken.jpg", b""),
        ("cut", "broken.png", None),
    )
    def test_corrupt_image_is_named(self, name, content):
        root = support.folder(self)
        write_classes(root)
        broken = root / "b" / name
        if content is None:
            write(broken, size=(40, 40))
            content = broken.read_bytes()[:60]
        broken.write_bytes(content)
        self.assert_refused(root, f"can be read.*Received: '.*{name}'")
        self.assert_refused(root, f"Received: '.*{name}'", image_size=(2, 2))

    @parameterized.parameters(0.0, 1.0, -0.2, float("nan"))
    def test_fraction(self, fraction):
        root = support.folder(self)
        write_classes(root)
        self.assert_refused(
            root,
            f"between 0 and 1.*test_fraction={fraction}",
            test_fraction=fraction,
        )

    def test_image_size(self):
        for size in (32, (32,), (0, 32), (3.5, 3), "32x32"):
            message = f"two positive integers.*{re.escape(f'={size!r}')}"
            self.assert_refused("./folder", message, image_size=size)

    def test_more_than_fits_in_memory(self):
        root = support.folder(self)
        write_classes(root)
        # 15 images of 12e9 bytes.
        self.assert_refused(
            root,
            r"fit in 8 GiB.*15 images of \(100000, 10000, 3\).*168 GiB",
            image_size=(100000, 10000),
        )


class LoadTest(absltest.TestCase):
    def test_refuses_arguments_of_another_kind(self):
        with self.assertRaisesRegex(
            ValueError, "left out.*digits.*Received: test_fraction=0.5"
        ):
            datasets.load("digits", test_fraction=0.5)

    def test_refuses_what_is_no_name(self):
        for source in (3, None, ""):
            message = f"name or a path.*name_or_folder={source!r}"
            with self.assertRaisesRegex(TypeError, message):
                datasets.load(source)


if __name__ == "__main__":
    absltest.main()
