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


def greys(data):
    """Pairs of a label and the grey of an image, sorted, of both parts."""
    images = np.concatenate([data.train_images, data.test_images])
    labels = np.concatenate([data.train_labels, data.test_labels])
    levels = np.rint(255 * images[:, 0, 0, 0]).astype(int)
    return sorted(zip(labels.tolist(), levels.tolist(), strict=True))


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
        self.assertEqual(data.train_images.dtype, np.float32)
        self.assertEqual(np.ptp(data.train_images, axis=(1, 2, 3)).max(), 0)
        expected = [(0, grey) for grey in range(5)]
        expected += [(1, grey) for grey in range(10)]
        self.assertEqual(greys(data), expected)
        np.testing.assert_allclose(data.train_images.max() * 255, 9, atol=1e-4)

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

    def test_a_limit_leaves_out_of_each_class_and_part_alike(self):
        root = support.folder(self)
        write_classes(root, (20, 40))
        data = datasets.load(root, limit=30)
        # Training parts of 16 and 32, test parts of 4 and 8: about a half.
        train, test = map(np.bincount, (data.train_labels, data.test_labels))
        self.assertEqual(train.sum() + test.sum(), 30)
        np.testing.assert_allclose(train, [8, 16], atol=1)
        np.testing.assert_allclose(test, [2, 4], atol=1)
        # Each with its own grey: none is there twice, and labels are right.
        found = greys(data)
        self.assertLen(set(found), 30)
        self.assertTrue(all(grey < (20, 40)[label] for label, grey in found))

    def test_images_above_a_limit_are_not_read(self):
        root = support.folder(self)
        write_classes(root, (20, 40))
        kept = datasets.load(root, limit=6)
        self.assertLen(kept.train_labels, 4)
        for label, count in enumerate((20, 40)):
            for number in range(count):
                if (label, number) not in greys(kept):
                    (root / "ab"[label] / f"{number}.png").write_bytes(b"no")
        np.testing.assert_array_equal(
            datasets.load(root, limit=6).train_images, kept.train_images
        )

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
        message = f"(?s)can be read.*Received: 16 images.* 1 cannot:.*/{name} "
        self.assert_refused(root, message)
        self.assert_refused(root, message, image_size=(2, 2))

    def test_all_corrupt_images_are_named_at_once(self):
        root = support.folder(self)
        write_classes(root)
        # In the training and in the test part, first and last.
        names = ["a/0.png", "a/4.png", "b/3.png", "b/9.png", "b/2.png"]
        for name in names:
            (root / name).write_bytes(b"no image")
        with self.assertRaises(ValueError) as caught:
            datasets.load(root)
        self.assertEqual(
            re.findall(r"\n  \S+?/([ab]/\d.png) \(", str(caught.exception)),
            sorted(names),
        )
        self.assertIn("15 images, of which 5 cannot", str(caught.exception))
        self.assertIn("\nRemove or replace them", str(caught.exception))
        # No names of operations.
        self.assertNotRegex(str(caught.exception), "function_node|Op:|name:")

    def test_without_the_corrupt_images_it_is_read(self):
        root = support.folder(self)
        write_classes(root)
        (root / "b" / "9.png").write_bytes(b"no image")
        (root / "b" / "9.png").rename(root / "b" / ".9.png")
        data = datasets.load(root)
        self.assertEqual(len(data.train_labels) + len(data.test_labels), 14)

    @parameterized.parameters(0.0, 1.0, -0.2, float("nan"))
    def test_fraction(self, fraction):
        root = support.folder(self)
        write_classes(root)
        self.assert_refused(
            root,
            f"between 0 and 1.*test_fraction={fraction}",
            test_fraction=fraction,
        )

    @parameterized.parameters(5, 0, -1, 7.0, True)
    def test_limit(self, limit):
        root = support.folder(self)
        write_classes(root)
        self.assert_refused(
            root,
            f"`limit` must be an integer of at least 6 .*2 classes.*={limit}",
            limit=limit,
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


if __name__ == "__main__":
    absltest.main()
