import keras
import numpy as np
from absl.testing import absltest

import keras_kd
from keras_kd import models
from keras_kd.search.tap_pairs import aligned
from keras_kd.search.tap_pairs import hidden_vectors
from keras_kd.search.tap_pairs import stages
from tests import support


def convnet(widths, padded=False):
    """Stages that each halve the image, with names."""
    layers = [keras.Input((16, 16, 1))]
    if padded:
        layers.append(keras.layers.ZeroPadding2D(3, name="rim"))
        layers.append(keras.layers.Cropping2D(3, name="no_rim"))
    for stage, width in enumerate(widths):
        layers += [
            keras.layers.Conv2D(width, 3, padding="same", name=f"conv{stage}"),
            keras.layers.Activation("relu", name=f"active{stage}"),
            keras.layers.MaxPooling2D(name=f"pool{stage}"),
        ]
    layers.append(keras.layers.GlobalAveragePooling2D(name="mean"))
    layers.append(keras.layers.Dense(3, name="head"))
    return keras.Sequential(layers)


def shown(teacher, student):
    return [str(p) for p in keras_kd.search.tap_pairs(teacher, student)]


class TapPairsTest(absltest.TestCase):
    def test_pairs_the_last_layers_of_equal_positions(self):
        self.assertEqual(
            shown(convnet((8, 8)), convnet((2, 2))),
            [
                "active0 > active0",
                "active1 > active1",
                "pool1 > pool1",
            ],
        )

    def test_a_shallower_student_meets_the_layers_of_its_own_sizes(self):
        teacher, student = convnet((8, 8, 8)), convnet((2,))
        pairs = keras_kd.search.tap_pairs(teacher, student)
        self.assertEqual(
            [(p.teacher_tap, p.student_tap, p.is_aligned) for p in pairs],
            [("active0", "active0", True), ("active1", "pool0", True)],
        )

    def test_a_rim_of_zeros_is_no_stage(self):
        self.assertEqual(
            shown(convnet((8, 8), padded=True), convnet((2, 2))),
            shown(convnet((8, 8)), convnet((2, 2))),
        )

    def test_other_positions_meet_by_depth_and_say_so(self):
        student = keras.Sequential(
            [
                keras.Input((16, 16, 1)),
                keras.layers.Conv2D(2, 3, strides=3, name="third"),
                keras.layers.Flatten(),
                keras.layers.Dense(3),
            ]
        )
        pairs = keras_kd.search.tap_pairs(convnet((8, 8)), student)
        # One stage, which is the end of its features: the teacher's last.
        self.assertEqual(
            [(p.teacher_tap, p.student_tap, p.is_aligned) for p in pairs],
            [("pool1", "third", False)],
        )

    def test_layers_of_equal_positions_are_taken_over_the_depth(self):
        def tower(count):
            layers = [keras.Input((7, 4))]
            layers += [
                keras.layers.Dense(4, name=f"block{n}") for n in range(count)
            ]
            layers += [keras.layers.GlobalAveragePooling1D()]
            return keras.Sequential([*layers, keras.layers.Dense(3)])

        self.assertEqual(
            shown(tower(6), tower(3)),
            ["block1 > block0", "block3 > block1", "block5 > block2"],
        )

    def test_the_last_hidden_vectors_meet_where_there_are_no_maps(self):
        def flat(*widths):
            layers = [
                keras.layers.Dense(width, name=f"dense{n}")
                for n, width in enumerate(widths)
            ]
            return keras.Sequential([keras.Input((6,)), *layers])

        pairs = keras_kd.search.tap_pairs(flat(8, 5, 3), flat(4, 3))
        self.assertEqual(
            pairs,
            [keras_kd.search.TapPair("dense1", "dense0", False, False)],
        )
        self.assertEqual(shown(flat(4, 3), flat(3, 3)), ["dense0 > dense0"])

    def test_what_the_output_is_an_activation_of_is_not_hidden(self):
        def scored(*end):
            head = keras.layers.Dense(3, name="head")
            inner = keras.Sequential([keras.Input((3,)), head, *end])
            hidden = keras.layers.Dense(3, name="hidden")
            return keras.Sequential([keras.Input((6,)), hidden, inner])

        flat = keras.layers.Flatten
        for end in (
            (keras.layers.Softmax(),),
            (flat(), keras.layers.Activation("sigmoid"), flat()),
        ):
            pairs = shown(scored(*end), scored())
            self.assertEqual(pairs, ["hidden > hidden"])

    def test_vectors_of_a_subclassed_model_have_the_order_of_calls(self):
        class Backwards(keras.Model):
            def __init__(self):
                super().__init__()
                self.head = keras.layers.Dense(3)
                self.hidden = keras.layers.Dense(8)
                self.first = keras.layers.Dense(5)

            def call(self, x):
                return self.head(self.hidden(self.first(x)))

        model = Backwards()
        model(np.zeros((1, 4), "float32"))
        self.assertEqual(hidden_vectors(model), ["first", "hidden"])

    def test_stages_of_a_subclassed_model_have_the_order_of_calls(self):
        class Backwards(keras.Model):
            def __init__(self):
                super().__init__()
                self.small = keras.layers.Conv2D(2, 3, padding="same")
                self.pool = keras.layers.MaxPooling2D()
                self.large = keras.layers.Conv2D(2, 3, padding="same")

            def call(self, x):
                x = self.pool(self.large(x))
                # Of two calls of a layer, a tap gives the last.
                return self.pool(self.small(x))

        model = Backwards()
        model(np.zeros((1, 16, 16, 1), "float32"))
        self.assertEqual(
            stages(model),
            [("large", (16, 16)), ("small", (8, 8)), ("pool", (4, 4))],
        )

    def test_maps_are_compared_where_sizes_agree_or_at_the_last(self):
        pair = keras_kd.search.TapPair
        other, same = pair("a", "a", False), pair("b", "b", True)
        vector = pair("c", "c", False, False)
        self.assertEqual(aligned([other, same]), [same])
        self.assertEqual(aligned([other, other]), [other])
        self.assertEqual(aligned([vector]), [])

    def test_one_position_is_none(self):
        pooled = keras.layers.GlobalAveragePooling2D(keepdims=True, name="one")
        student = keras.Sequential(
            [
                keras.Input((16, 16, 1)),
                keras.layers.Conv2D(2, 3, padding="same", name="active0"),
                pooled,
                keras.layers.Flatten(),
                keras.layers.Dense(3),
            ]
        )
        self.assertEqual(shown(convnet((8,)), student), ["active0 > active0"])

    def test_finds_stages_inside_a_nested_model(self):
        body = keras.Sequential(
            [
                keras.Input((16, 16, 1)),
                keras.layers.Conv2D(2, 3, padding="same", name="inner"),
                keras.layers.Flatten(),
            ],
            name="body",
        )
        student = keras.Sequential(
            [keras.Input((16, 16, 1)), body, keras.layers.Dense(3)]
        )
        self.assertEqual(
            shown(convnet((8,)), student), ["active0 > body/inner"]
        )

    def test_proposed_pairs_can_be_compared(self):
        teacher = models.wide_resnet((8, 8, 1), 3, 10, 2)
        student = models.small_convnet((8, 8, 1), 3, widths=(4, 4))
        pairs = keras_kd.search.tap_pairs(teacher, student)
        losses = [
            make(teacher_tap=p.teacher_tap, student_tap=p.student_tap)
            for p in pairs
            for make in (
                keras_kd.losses.Hint,
                keras_kd.losses.AttentionTransfer,
            )
        ]
        self.assertLen(pairs, 2)
        keras_kd.Distiller(
            teacher=teacher, student=student, distillation_losses=losses
        )

    def test_a_cache_has_the_stages_that_it_stores(self):
        teacher, student = convnet((8, 8)), convnet((2, 2))
        cached = keras_kd.teachers.cache_teacher(
            teacher,
            np.zeros((2, 16, 16, 1), "float32"),
            support.folder(self) / "cache",
            # A vector is no stage.
            taps=("active1", "mean"),
            verbose=0,
        )
        pairs = keras_kd.search.tap_pairs(cached, student)
        self.assertEqual(
            [(p.teacher_tap, p.is_aligned) for p in pairs],
            [("active1", False), ("active1", True), ("active1", False)],
        )


if __name__ == "__main__":
    absltest.main()
