"""Masks, boxes, points and weights that follow the pixels of an image."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from keras_kd.teachers import Augmentation

HEIGHT, WIDTH = 12, 16
AFFINE = {
    "crop": lambda: layers.RandomCrop(9, 10),
    "middle": lambda: layers.CenterCrop(9, 10),
    "flip": lambda: layers.RandomFlip(),
    "rotation": lambda: layers.RandomRotation(0.1),
    "shear": lambda: layers.RandomShear(0.2, 0.2),
    "translation": lambda: layers.RandomTranslation(0.2, 0.2),
    "zoom": lambda: layers.RandomZoom(0.3),
    "size": lambda: layers.Resizing(15, 11),
    "two": lambda: layers.Pipeline(
        [layers.RandomRotation(0.1), layers.RandomFlip()]
    ),
}
BENT = {
    "perspective": lambda: layers.RandomPerspective(1.0),
    "elastic": lambda: layers.RandomElasticTransform(1.0, 0.5),
}
SEEDS = [(3, number) for number in range(6)]
# The middles of the pixels, x and y.
PLACES = np.stack(
    np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5), axis=-1
).astype("float32")
NUMBERS = np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH).astype("int32")


def moved(augmentation, y, seed=(1, 2), x=PLACES, **options):
    """An example after an augmentation, as arrays."""
    return [
        keras.tree.map_structure(np.asarray, part)
        for part in augmentation(x, seed, y, **options)
    ]


def at(image, places):
    """Numbers between the pixels of an image, linearly."""
    x, y = (np.array(places, "float64") - 0.5).T
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    x, y = (x - left)[:, None], (y - top)[:, None]
    upper = (1 - x) * image[top, left] + x * image[top, left + 1]
    lower = (1 - x) * image[top + 1, left] + x * image[top + 1, left + 1]
    return (1 - y) * upper + y * lower


class MaskTest(parameterized.TestCase):
    @parameterized.parameters(*AFFINE, *BENT)
    def test_has_the_label_of_the_nearest_pixel(self, name):
        make = (AFFINE | BENT)[name]
        augmentation = Augmentation(make())
        for seed in SEEDS:
            x, y = moved(augmentation, NUMBERS, seed)
            self.assertEqual(y.dtype, np.int32)
            np.testing.assert_array_equal(x, augmentation(PLACES, seed))
            # What was the middle of the pixel of that number.
            row, column = np.divmod(y, WIDTH)
            middle = np.stack([column, row], axis=-1) + 0.5
            is_seen = np.all(x >= 0.5, axis=-1)  # Not blended with a fill.
            if name in ("perspective", "elastic", "two"):
                # Two interpolations, or beyond the edge: by half as much more.
                self.assertGreater(is_seen.mean(), 0.5)
                far = np.abs(x - middle)[is_seen].max(-1) > 0.75
                self.assertLess(far.mean(), 0.1)
            else:
                self.assertLess(np.abs(x - middle)[is_seen].max(), 0.501)

    def test_is_void_where_the_image_has_nothing(self):
        down = layers.RandomTranslation(
            (0.25, 0.25), (0, 0), fill_mode="constant"
        )
        given = np.ones((HEIGHT, WIDTH))
        x, y, weight = moved(
            Augmentation(down, void=255), NUMBERS, sample_weight=given
        )
        np.testing.assert_array_equal(y[:3], np.full((3, WIDTH), 255))
        np.testing.assert_array_equal(y[3:], NUMBERS[:-3])
        np.testing.assert_array_equal(weight[:3], np.zeros((3, WIDTH)))
        np.testing.assert_array_equal(weight[3:], given[3:])
        self.assertEqual(x.shape, PLACES.shape)

    def test_may_be_one_hot(self):
        augmentation = Augmentation(layers.RandomFlip(), labels="mask")
        one_hot = np.eye(3, dtype="float32")[NUMBERS % 3]
        numbers = Augmentation(layers.RandomFlip())
        for seed in SEEDS:
            _, rows = moved(augmentation, one_hot, seed)
            _, mask = moved(numbers, NUMBERS % 3, seed)
            np.testing.assert_array_equal(rows.argmax(-1), mask)

    def test_draws_behind_it_are_the_same(self):
        made = [layers.RandomFlip(), layers.RandomBrightness(0.3, (0, 1))]
        augmentation = Augmentation(made)
        for seed in SEEDS:
            x, _ = moved(augmentation, NUMBERS, seed)
            np.testing.assert_array_equal(x, augmentation(PLACES, seed))

    def test_other_labels_stay(self):
        for labels, y in (
            ("infer", np.array(3)),
            ("infer", np.eye(4)[1]),
            (None, NUMBERS),
        ):
            _, kept = moved(Augmentation(layers.RandomFlip(), labels=labels), y)
            np.testing.assert_array_equal(kept, y)


class PointsTest(parameterized.TestCase):
    @parameterized.parameters(*AFFINE)
    def test_are_where_the_image_shows_what_was_there(self, name):
        points = np.array([[7.2, 6.1], [8.5, 5.0], [np.nan, 3.0]], "float32")
        augmentation = Augmentation(AFFINE[name](), labels="points")
        for seed in SEEDS:
            x, (*seen, unknown) = moved(augmentation, points, seed)
            self.assertTrue(np.all(np.isnan(unknown)))
            np.testing.assert_allclose(at(x, seen), points[:2], atol=2e-2)

    def test_one_that_leaves_is_not_known(self):
        middle = Augmentation(layers.CenterCrop(8, 8), labels="points")
        # 4 columns and 2 rows are cut from each side.
        _, points = moved(middle, [[5.0, 3.0], [1.0, 3.0], [5.0, 11.0]])
        expected = [[1.0, 1.0], [np.nan] * 2, [np.nan] * 2]
        np.testing.assert_allclose(points, expected, atol=1e-3)


class BoxesTest(parameterized.TestCase):
    @parameterized.parameters(*AFFINE)
    def test_go_around_their_moved_corners(self, name):
        x, y, right, bottom = 6.0, 5.0, 9.0, 7.0
        corners = [[x, y], [right, y], [x, bottom], [right, bottom]]
        augmentation = Augmentation(
            AFFINE[name](), labels={"boxes": "boxes", "corners": "points"}
        )
        given = {"boxes": [[x, y, right, bottom]], "corners": corners}
        for seed in SEEDS:
            _, after = moved(augmentation, given, seed)
            found = after["corners"]
            around = np.concatenate([found.min(0), found.max(0)])
            if name == "two":  # Of the first box, the second is around.
                self.assertTrue(np.all(after["boxes"][0, :2] <= around[:2]))
                continue
            np.testing.assert_allclose(after["boxes"][0], around, atol=1e-3)

    @parameterized.parameters(
        ("xyxy", [5, 3, 7, 6]),
        ("yxyx", [3, 5, 6, 7]),
        ("xywh", [5, 3, 2, 3]),
        ("center_xywh", [6, 4.5, 2, 3]),
    )
    def test_keep_their_format(self, box_format, box):
        middle = Augmentation(
            layers.CenterCrop(8, 8), labels="boxes", box_format=box_format
        )
        _, (after, none) = moved(middle, [box, [-1.0] * 4])
        x, y = (1, 0) if box_format == "yxyx" else (0, 1)
        expected = np.array(box, "float32")
        for axis, cut in ((x, 4), (y, 2)):
            expected[axis] -= cut
            expected[axis + 2] -= cut if box_format[2:] in ("yx", "xy") else 0
        np.testing.assert_allclose(after, expected, atol=1e-3)
        if box_format.endswith("wh"):
            np.testing.assert_array_equal(none, [-1.0] * 4)

    def test_are_cut_at_the_edge_and_gone_beyond(self):
        middle = Augmentation(layers.CenterCrop(8, 8), labels="boxes")
        padding = [0, 0, 0, 0]
        _, boxes = moved(
            middle,
            np.array([[2, 1, 7, 6], [0, 0, 3, 9], padding], "float32"),
        )
        expected = [[0, 0, 3, 4], padding, padding]
        np.testing.assert_allclose(boxes, expected, atol=1e-3)

    def test_out_of_the_image_are_refused_or_clipped(self):
        flip = layers.RandomFlip("horizontal")
        outside = np.array([[-1, 2, 4, WIDTH]], "float32")
        for labels, y in (("boxes", outside), ("points", [[3.0, 13.0]])):
            refusing = Augmentation(flip, labels=labels)
            with self.assertRaisesRegex(Exception, "within the image.*clip"):
                refusing(PLACES, (1, 2), y)
        data = tf.data.Dataset.from_tensors(np.array(y, "float32"))
        with self.assertRaisesRegex(Exception, "within the image.*clip"):
            list(data.map(lambda y: refusing(PLACES, (1, 2), y)))
        clipping = Augmentation(
            layers.Identity(), labels="boxes", outside="clip"
        )
        _, boxes = moved(clipping, outside)
        np.testing.assert_allclose(boxes, [[0, 2, 4, HEIGHT]], atol=1e-5)


class RefusalTest(parameterized.TestCase):
    @parameterized.parameters(
        (layers.MixUp, {}, "mask", "`MixUp`, which mixes"),
        (layers.RandomPerspective, {}, "boxes", "`RandomPerspective`, .*bends"),
        (layers.RandomElasticTransform, {}, "points", "which bends"),
        (
            layers.RandomFlip,
            {"data_format": "channels_first"},
            "mask",
            "channels_first",
        ),
    )
    def test_layers_that_labels_cannot_follow(self, make, options, labels, why):
        with self.assertRaisesRegex(ValueError, f"`layers` must be.*{why}"):
            Augmentation([make(**options)], labels=labels)

    def test_masks_of_another_size(self):
        augmentation = Augmentation(layers.RandomFlip(), labels="mask")
        with self.assertRaisesRegex(
            ValueError,
            r"a label for each pixel.*\(6, 8\).*\(12, 16, 2\).*Resiz",
        ):
            augmentation(PLACES, (1, 2), NUMBERS[::2, ::2])

    def test_another_structure(self):
        augmentation = Augmentation(
            layers.RandomFlip(), labels={"mask": "mask", "class": None}
        )
        for y in (NUMBERS, {"mask": NUMBERS}):
            with self.assertRaisesRegex(ValueError, "structure of `y`"):
                augmentation(PLACES, (1, 2), y)

    def test_boxes_of_another_shape(self):
        augmentation = Augmentation(layers.RandomFlip(), labels="boxes")
        with self.assertRaisesRegex(ValueError, r"\(number, 4\).*\(4,\)"):
            augmentation(PLACES, (1, 2), [1.0, 2.0, 3.0, 4.0])

    def test_a_crop_that_enlarges(self):
        augmentation = Augmentation(layers.RandomCrop(20, 8))
        with self.assertRaisesRegex(ValueError, "`RandomCrop` must be no lar"):
            augmentation(PLACES, (1, 2), NUMBERS)


class ConfigTest(absltest.TestCase):
    def test_makes_an_equal_one(self):
        told = {
            "labels": {"boxes": "boxes", "class": None},
            "void": 7,
            "box_format": "xywh",
            "outside": "clip",
        }
        made = Augmentation(layers.RandomFlip(), **told)
        config = keras.saving.serialize_keras_object(made)
        again = keras.saving.deserialize_keras_object(config)
        self.assertEqual({key: getattr(again, key) for key in told}, told)


if __name__ == "__main__":
    absltest.main()
