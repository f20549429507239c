"""What an ensemble refuses."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import losses
from keras_kd import teachers
from tests import support

X, _ = support.data()


def members():
    return [
        support.dense(width, name=name)
        for width, name in ((8, "first"), (6, "second"), (5, "third"))
    ]


def softmax_model():
    return support.dense(4, name="sure", activation="softmax")


def with_two_outputs():
    x = keras.Input((4,))
    return keras.Model(
        x, {"a": keras.layers.Dense(3)(x), "b": keras.layers.Dense(3)(x)}
    )


class RefuseTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("none", lambda: [], ValueError, r"at least one.*models=\[\]"),
        (
            "no_model",
            lambda: [keras.layers.Dense(3)],
            TypeError,
            r"`models\[0\]` must be a `keras.Model`.*of type Dense",
        ),
        (
            "not_built",
            lambda: [keras.Sequential([keras.layers.Dense(3)], name="new")],
            ValueError,
            r'`models\[0\]` must be built.*models\[0\]="new", built=False',
        ),
        (
            "probabilities",
            lambda: [support.dense(4), softmax_model()],
            ValueError,
            r'must give logits.*models\[1\]="sure".*teachers\.logits\(model\)',
        ),
        (
            "several_outputs",
            lambda: [with_two_outputs()],
            ValueError,
            "one output.*with the outputs a, b",
        ),
        (
            "other_classes",
            lambda: [support.dense(4), support.dense(4, 5, name="five")],
            ValueError,
            r'of one shape.*Received: \(None, 5\) from "five", \(None, 3\)',
        ),
        (
            "other_input",
            lambda: [
                support.dense(4),
                support.dense(4, features=7, name="wide"),
            ],
            ValueError,
            r'the same input.*\(None, 4\), which models\[1\]="wide"',
        ),
        (
            "an_ensemble",
            lambda: [teachers.EnsembleTeacher(members())],
            ValueError,
            'one tensor of logits.*Received: "ensemble_teacher"',
        ),
        (
            "noise",
            lambda: [teachers.NoisyTeacher(support.dense(4), 0.1, name="loud")],
            ValueError,
            'same logits each time.*"loud" of type NoisyTeacher',
        ),
    )
    def test_models(self, make, error, message):
        with self.assertRaisesRegex(error, message):
            teachers.EnsembleTeacher(make())

    @parameterized.named_parameters(
        ("combine", {"combine": "mean"}, ValueError, "combine='mean'"),
        ("few", {"weights": [1.0]}, ValueError, "1 weights for 2 models"),
        (
            "zero",
            {"weights": [1.0, 0.0]},
            ValueError,
            r"`weights\[1\]` must be a positive number.*=0.0",
        ),
        (
            "no_list",
            {"preprocess": keras.layers.Flatten},
            ValueError,
            "`preprocess` must be a list.*Flatten",
        ),
        (
            "function",
            {"preprocess": [None, abs]},
            TypeError,
            r"`preprocess\[1\]` must be a Keras layer.*abs",
        ),
    )
    def test_arguments(self, arguments, error, message):
        with self.assertRaisesRegex(error, message):
            teachers.EnsembleTeacher(members()[:2], **arguments)

    def test_losses_that_need_one_tensor_refuse_members(self):
        teacher = teachers.EnsembleTeacher(members())
        with self.assertRaisesRegex(
            ValueError,
            "'logit_regression' must be one that averages members.*Received: "
            'LogitRegression, for 3 members.*combine="geometric"',
        ):
            support.distiller(losses.LogitRegression(), teacher=teacher)
        geometric = teachers.EnsembleTeacher(members(), "geometric")
        support.distiller(losses.LogitRegression(), teacher=geometric)

    def test_a_loss_of_members_serves_one_model_too(self):
        loss, random = losses.SoftTargets(), np.random.default_rng(0)
        first, second = random.normal(size=(2, 5, 3)).astype("float32")
        support.distiller(loss, teacher=teachers.EnsembleTeacher(members()))
        support.distiller(loss)
        other = losses.SoftTargets()
        support.distiller(other)
        np.testing.assert_array_equal(loss(first, second), other(first, second))


class FiniteTest(absltest.TestCase):
    def test_nan_of_a_member_stops_the_run(self):
        class Root(keras.layers.Layer):
            def call(self, x):
                return keras.ops.sqrt(x)

        broken = keras.Sequential(
            [keras.Input((4,)), Root(), keras.layers.Dense(3)]
        )
        teacher = teachers.EnsembleTeacher([support.dense(4), broken])
        distiller = support.distiller(teacher=teacher)
        distiller.compile("sgd", jit_compile=False)
        with self.assertRaisesRegex(
            Exception, '"ensemble_teacher" must give finite numbers'
        ):
            distiller.fit(-np.abs(X), verbose=0)


if __name__ == "__main__":
    absltest.main()
