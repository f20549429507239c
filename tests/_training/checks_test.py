"""What a Distiller refuses when it is made, and what it lets pass."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

import keras_kd
from keras_kd import losses
from tests import replicas
from tests import support
from tests.refusals import RefusalTest
from tests.refusals import make


def single(*end, name="single"):
    return keras.Sequential([keras.Input((4,)), *end], name=name)


class ModelTest(RefusalTest):
    @parameterized.product(
        role=("teacher", "student"),
        given=(None, "resnet", 3, keras.Sequential, layers.Dense(3)),
    )
    def test_what_is_no_model(self, role, given):
        self.refuse(
            rf"`{role}` must be a `keras\.Model`",
            f"{role}=.*of type {type(given).__name__}",
            TypeError,
            **{role: given},
        )

    @parameterized.parameters("teacher", "student")
    def test_a_model_that_is_not_built(self, role):
        self.refuse(
            f"`{role}` must be built before",
            f'{role}="new", built=False. Call it once',
            **{role: keras.Sequential([layers.Dense(3)], name="new")},
        )

    @parameterized.parameters("teacher", "student")
    def test_a_model_of_unknown_input(self, role):
        class Pretending(keras.Model):
            def __init__(self):
                super().__init__(name="pretending")
                self.built = True

            def call(self, x):
                return x

        self.refuse(
            "input shape of a model must be known",
            '"pretending"',
            **{role: Pretending()},
        )

    def test_the_same_model_twice(self):
        model = support.dense(4, name="both")
        self.refuse(
            "`teacher` and `student` must be two models",
            '"both" for both. .*clone_model',
            teacher=model,
            student=model,
        )

    def test_a_student_that_trains_weights_of_the_teacher(self):
        teacher = support.dense(4)
        student = single(teacher.get_layer("hidden"), layers.Dense(3))
        self.refuse(
            "must share no weights that training changes",
            "2 shared, such as .*hidden/kernel",
            teacher=teacher,
            student=student,
        )

    def test_a_student_may_share_frozen_weights(self):
        teacher = support.dense(4)
        shared = teacher.get_layer("hidden")
        student = single(shared, layers.Dense(3))
        shared.trainable = False
        make(teacher=teacher, student=student)

    @parameterized.parameters(np.nan, np.inf)
    def test_a_teacher_with_weights_that_are_no_numbers(self, value):
        teacher = support.dense(4, name="broken")
        teacher.get_layer("head").bias.assign([0.0, value, 0.0])
        self.refuse(
            "`teacher` must have finite weights",
            'teacher="broken" with nan or infinity in .*head/bias',
            teacher=teacher,
        )

    def test_a_teacher_may_rule_out_a_class(self):
        teacher = support.dense(4)
        teacher.get_layer("head").bias.assign([0.0, -np.inf, 0.0])
        make(teacher=teacher)

    @parameterized.parameters("my net", "a:b", "_net")
    def test_a_model_whose_name_is_no_scope(self, name):
        with self.assertRaisesRegex(
            ValueError, f"`student` must have .* named {name!r}"
        ):
            make(
                student=keras.Sequential(
                    [keras.Input((4,)), layers.Dense(3)], name=name
                )
            )

    def test_a_teacher_may_have_integer_weights(self):
        teacher = support.dense(4)
        for layer in teacher.layers:
            layer.quantize("int8")
        make(teacher=teacher)

    def test_a_student_of_another_strategy(self):
        teacher = support.dense(8)
        student = support.dense(4, name="outside")
        with replicas.two_replicas().scope():
            self.refuse(
                "`student` and Distiller must be made in the scope",
                'student="outside", made in another',
                teacher=teacher,
                student=student,
            )
            make(teacher=teacher)


class LossesTest(RefusalTest):
    @parameterized.named_parameters(
        ("none", None, "None"), ("empty", [], r"\[\]")
    )
    def test_no_loss(self, given, received):
        self.refuse(
            "`distillation_losses` must be one distillation loss or a list",
            f"distillation_losses={received}",
            distillation_losses=given,
        )

    @parameterized.named_parameters(
        ("keras_loss", keras.losses.KLDivergence(), "KLDivergence"),
        ("function", keras.losses.kl_divergence, "function"),
        ("string", "mse", "str"),
    )
    def test_what_is_no_distillation_loss(self, given, kind):
        self.refuse(
            r"must contain layers of `keras_kd\.losses`",
            f".*of type {kind}. Wrap",
            TypeError,
            distillation_losses=[losses.SoftTargets(), given],
        )

    def test_a_keras_loss_alone(self):
        self.refuse(
            r"must contain layers of `keras_kd\.losses`",
            ".*Wrap a Keras loss",
            TypeError,
            distillation_losses=keras.losses.KLDivergence(),
        )

    def test_the_same_loss_twice(self):
        loss = losses.SoftTargets()
        self.refuse(
            "must be different objects",
            ".*SoftTargets.*SoftTargets",
            distillation_losses=[loss, loss],
        )

    @parameterized.parameters("loss", "student_loss", "twice")
    def test_a_name_that_collides(self, name):
        self.refuse(
            "`name` of a distillation loss must be unique",
            f"name='{name}'",
            distillation_losses=[
                losses.SoftTargets(name=name),
                losses.Hint(name="twice"),
            ],
        )

    def test_takes_one_loss_or_several(self):
        for given in (
            losses.Hint(),
            [losses.Hint()],
            (losses.Hint(), losses.Hint()),
        ):
            make(distillation_losses=given)

    def test_one_class_for_a_softmax(self):
        self.refuse(
            "`SoftTargets` must see at least two classes",
            r"logits of shape \(None, 1\)\. .*BinarySoftTargets",
            teacher=support.dense(8, classes=1),
            student=support.dense(4, classes=1),
        )

    @parameterized.parameters(
        losses.SoftTargets, losses.BinarySoftTargets, losses.LogitRegression
    )
    def test_different_numbers_of_classes(self, loss):
        self.refuse(
            "must compare scores of the same classes",
            r"teacher logits of shape \(None, 10\), .*shape \(None, 3\)",
            teacher=support.dense(8, classes=10),
            distillation_losses=loss(),
        )

    def test_shapes_that_no_projector_meets(self):
        image = keras.Input((4, 4, 3))
        conv = layers.Conv2D(2, 3, name="conv")(image)
        teacher = keras.Model(image, layers.Dense(3)(layers.Flatten()(conv)))
        with self.assertRaisesRegex(
            ValueError,
            r"`Hint` compares \(None, 2, 2, 2\) from teacher layer \"conv\" "
            r"with \(None, 4\) from student layer \"hidden\"",
        ):
            make(
                teacher=teacher,
                distillation_losses=losses.Hint(
                    teacher_tap="conv", student_tap="hidden"
                ),
            )


class ArgumentTest(RefusalTest):
    @parameterized.named_parameters(
        ("negative", -0.5, "-0.5"),
        ("nan", float("nan"), "nan"),
        ("infinite", float("inf"), "inf"),
        ("none", None, "None"),
        ("string", "1", "'1'"),
        ("bool", True, "True"),
        ("list", [1.0], r"\[1.0\]"),
    )
    def test_a_student_loss_weight_that_is_no_factor(self, weight, received):
        self.refuse(
            "`student_loss_weight` must be a number from 0 to ",
            f"student_loss_weight={received}",
            student_loss_weight=weight,
        )

    @parameterized.parameters(0, 0.0, 2, np.float32(0.5))
    def test_takes_numbers_as_student_loss_weight(self, weight):
        made = make(student_loss_weight=weight)
        self.assertEqual(made.student_loss_weight.numpy(), weight)

    @parameterized.product(
        argument=("teacher_inputs", "student_inputs"),
        given=(3, [], [1], ["a", None], {"a": "b"}),
    )
    def test_what_names_no_entries(self, argument, given):
        with self.assertRaisesRegex(
            TypeError, f"`{argument}` must be the name of an entry"
        ) as caught:
            make(**{argument: given})
        self.assertIn(f"Received: {argument}={given!r}", str(caught.exception))

    @parameterized.parameters("teacher", "student")
    def test_names_that_are_no_inputs_of_the_model(self, role):
        inputs = {n: keras.Input((4,), name=n) for n in ("rgb", "depth")}
        added = layers.Add()(list(inputs.values()))
        model = keras.Model(inputs, layers.Dense(3)(added))
        self.refuse(
            f"`{role}_inputs` must name the inputs rgb, depth",
            rf"{role}_inputs=\['rgb', 'mask'\]",
            **{role: model, f"{role}_inputs": ["rgb", "mask"]},
        )

    def test_one_input_is_no_list(self):
        self.refuse(
            "`student_inputs` must name one input, as a string",
            r"student_inputs=\['a', 'b'\]",
            student_inputs=["a", "b"],
        )


class FrozenTest(parameterized.TestCase):
    @parameterized.parameters(False, True)
    def test_a_student_that_is_frozen_between_two_fits(self, is_peer):
        distiller = support.distiller()
        if is_peer:
            distiller = keras_kd.MutualDistiller(
                peers=[support.dense(4), support.dense(5)],
                distillation_losses=keras_kd.losses.SoftTargets(),
            )
        distiller.compile("sgd", run_eagerly=True)
        x, _ = support.data(4)
        distiller.fit(x, verbose=0)
        student = distiller.peers[1] if is_peer else distiller.student
        student.trainable = False
        with self.assertRaisesRegex(ValueError, "must have trainable weights"):
            distiller.fit(x, verbose=0)


if __name__ == "__main__":
    absltest.main()
