"""The part of a teacher behind a tap, in a loss."""

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd._core.heads import Head
from keras_kd._core.heads import upper_part
from keras_kd._core.model_weights import copied_graph
from keras_kd._core.tapped_model import TappedModel
from tests import support
from tests.mechanisms import Reused
from tests.mechanisms import split_net


def with_statistics(width, name):
    """A net whose head differs between training and inference."""
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(width, name="hidden"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(3, name="head"),
        ],
        name=name,
    )
    model.get_layer("norm").moving_mean.assign(np.arange(width) / 10)
    return model


@keras.saving.register_keras_serializable("heads_test")
class Normalised(Reused):
    """Has a layer behind the head, to see which mode it gets."""

    def build(self, teacher_shape, student_shape):
        super().build(teacher_shape, student_shape)
        self.last = keras.layers.BatchNormalization()
        self.last.build((None, 3))

    def call(self, teacher, student, teacher_head):
        values = super().call(teacher, student, teacher_head)
        after = self.last(teacher_head(self.projector(student)))
        return values + 0 * keras.ops.mean(after, axis=-1)


class HeadTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(0)
        self.x, _ = support.data(6)

    def assert_goes_on(self, model, tap, before):
        """Checks that a head makes of a feature what the model does."""
        feature = before(self.x)
        np.testing.assert_allclose(
            Head(model, tap, "loss")(feature), model(self.x), rtol=1e-5
        )

    def test_goes_on_from_a_layer(self):
        model = with_statistics(5, "net")
        self.assert_goes_on(model, "hidden", model.get_layer("hidden"))

    def test_goes_on_from_the_input_of_a_layer(self):
        model = split_net(5, "net")
        self.assert_goes_on(model, "relu:input", model.get_layer("hidden"))

    def test_goes_on_inside_of_nested_models(self):
        inner = with_statistics(5, "inner")
        inputs = keras.Input((4,))
        model = keras.Model(inputs, keras.layers.Dense(2)(inner(inputs)))
        self.assert_goes_on(model, "inner/hidden", inner.get_layer("hidden"))

    def test_keeps_the_mode_of_a_call_in_the_graph(self):
        inputs = keras.Input((4,))
        hidden = keras.layers.Dense(3, name="hidden")(inputs)
        norm = keras.layers.BatchNormalization()
        model = keras.Model(inputs, norm(hidden, training=True))
        feature = model.get_layer("hidden")(self.x)
        np.testing.assert_allclose(
            Head(model, "hidden", "loss")(feature),
            model(self.x, training=False),
            rtol=1e-5,
        )

    def test_gives_all_outputs(self):
        model = support.two_headed(5)
        found = Head(model, "hidden", "loss")(model.get_layer("hidden")(self.x))
        for name, expected in model(self.x).items():
            np.testing.assert_allclose(found[name], expected, rtol=1e-5)

    def test_of_the_last_layer_changes_nothing(self):
        model = support.dense(5)
        np.testing.assert_array_equal(Head(model, "head", "l")(self.x), self.x)

    def test_leaves_no_trace_in_the_model(self):
        model = split_net(5, "net")
        head = Head(model, "hidden", "loss")
        head(model.get_layer("hidden")(self.x))
        # Keras refuses to name it where a layer has several calls.
        self.assertEqual(model.get_layer("head").output.shape, (None, 3))


class UpperPartTest(parameterized.TestCase):
    @parameterized.parameters("hidden", "head", "inner/hidden", "inner")
    def test_takes_up_where_the_lower_part_ends(self, tap):
        x, _ = support.data()
        net = support.dense(5)
        if tap.startswith("inner"):
            inputs = keras.Input((4,))
            inner = support.dense(5, name="inner")
            net = keras.Model(inputs, keras.layers.Dense(2)(inner(inputs)))
        net = copied_graph(net)
        upper = upper_part(net, tap, "upper")
        feature = TappedModel(net, [tap])(x, training=False)[1][tap]
        np.testing.assert_allclose(upper(feature), net(x), rtol=1e-6)

    def test_has_the_layers_of_the_model(self):
        net = copied_graph(support.dense(5))
        upper = upper_part(net, "hidden", "upper")
        self.assertIs(upper.layers[-1], net.get_layer("head"))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__(name="own")
        self.hidden = keras.layers.Dense(3)

    def call(self, x):
        return self.hidden(x)


class RefusalsTest(absltest.TestCase):
    def test_of_a_model_without_a_graph(self):
        model = Subclassed()
        model(support.data()[0])
        with self.assertRaisesRegex(
            TypeError,
            r'Functional or Sequential.*"own" of type Subclassed.*keras\.Model',
        ):
            support.distiller(Reused(teacher_tap="hidden"), teacher=model)

    def test_of_a_layer_that_is_passed_by(self):
        inputs = keras.Input((4,))
        way = keras.layers.Dense(4, name="way")(inputs)
        model = keras.Model(
            inputs, keras.layers.Add(name="meet")([inputs, way])
        )
        with self.assertRaisesRegex(ValueError, "'way'.*needs more than what"):
            Head(model, "way", "loss")
        Head(model, "meet", "loss")

    def test_of_a_layer_that_is_called_twice(self):
        shared = keras.layers.Dense(4, name="shared")
        inputs = keras.Input((4,))
        model = keras.Model(inputs, shared(shared(inputs)))
        with self.assertRaisesRegex(ValueError, "is called 2 times"):
            Head(model, "shared", "loss")

    def test_of_the_output(self):
        with self.assertRaisesRegex(ValueError, "tap=None; .*Tap a layer"):
            support.distiller(Reused())

    @pytest.mark.slow
    def test_of_a_cached_teacher(self):
        x, _ = support.data()
        cached = keras_kd.teachers.cache_teacher(
            support.dense(8),
            x,
            support.folder(self) / "cache",
            taps=["hidden"],
        )
        with self.assertRaisesRegex(
            ValueError, "needs the teacher_head, which no cache has.*itself"
        ):
            support.distiller(Reused(teacher_tap="hidden"), teacher=cached)

    def test_of_peers(self):
        with self.assertRaisesRegex(ValueError, "no head.*Reused.*Distiller"):
            keras_kd.MutualDistiller(
                peers=[support.dense(4, name="a"), support.dense(4, name="b")],
                distillation_losses=Reused(teacher_tap="hidden"),
            )


@support.eager_tests
class DistillerTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(0)
        self.x, self.y = support.data()
        self.distiller = support.distiller(
            Normalised(
                teacher_tap="hidden", student_tap="hidden", name="reused"
            ),
            teacher=with_statistics(6, "teacher"),
        )
        self.distiller.compile(
            keras.optimizers.SGD(0.05), loss=support.cross_entropy()
        )

    def expected(self):
        """The loss in float64; the head has its moving statistics."""
        (loss,) = self.distiller.distillation_losses
        kernel, bias, other, other_bias = map(
            np.float64,
            [
                *self.distiller.student.get_layer("hidden").get_weights(),
                *loss.projector.get_weights(),
            ],
        )
        teacher = self.distiller.teacher
        mine = np.maximum(self.x @ kernel + bias, 0) @ other + other_bias
        kernel, bias = teacher.get_layer("hidden").get_weights()
        theirs = self.x @ kernel.astype("float64") + bias
        gamma, _, _, variance = teacher.get_layer("norm").get_weights()
        # What is added cancels.
        gap = (mine - theirs) * gamma / np.sqrt(variance + 1e-3)
        return np.mean((gap @ teacher.get_layer("head").get_weights()[0]) ** 2)

    def test_equals_the_formula_also_in_training(self):
        expected = self.expected()
        logs = self.distiller.train_on_batch(self.x, self.y, return_dict=True)
        np.testing.assert_allclose(logs["reused"], expected, rtol=1e-5)

    def test_trains_the_student_and_leaves_the_teacher(self):
        teacher = support.values(self.distiller.teacher.weights)
        before = self.expected()
        self.distiller.fit(self.x, self.y, epochs=10, verbose=0)
        self.assertLess(self.expected(), 0.7 * before)
        after = support.values(self.distiller.teacher.weights)
        self.assertEqual(support.largest_difference(teacher, after), 0)

    def test_the_rest_of_the_loss_keeps_its_mode(self):
        (loss,) = self.distiller.distillation_losses
        before = support.values([loss.last.moving_mean])
        self.distiller.evaluate(self.x, self.y, verbose=0)
        same = support.values([loss.last.moving_mean])
        self.assertEqual(support.largest_difference(before, same), 0)
        self.distiller.train_on_batch(self.x, self.y)
        moved = support.values([loss.last.moving_mean])
        self.assertGreater(support.largest_difference(before, moved), 0)

    def test_is_no_weight_and_comes_back_from_a_file(self):
        held = {id(v) for v in self.distiller.variables}
        for variable in self.distiller.teacher.variables:
            self.assertNotIn(id(variable), held)
        path = str(support.folder(self) / "d.keras")
        self.distiller.save(path)
        again = keras.saving.load_model(path)
        for _ in range(2):
            self.assertEqual(
                again.train_on_batch(self.x, self.y),
                self.distiller.train_on_batch(self.x, self.y),
            )


if __name__ == "__main__":
    absltest.main()
