"""One teacher, several versions of each image, and a student."""

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd import procedures
from keras_kd.transfer_sets import transforms
from tests import reference
from tests import support

CLASSES = 3


class Turned:
    """Changes vectors so that a teacher of its own mind errs elsewhere."""

    def __init__(self, amount):
        self.amount = amount

    def __repr__(self):
        return f"Turned({self.amount})"

    def apply(self, x):
        return x + self.amount

    def invert(self, predictions):
        return predictions


def net(name, seed=0):
    keras.utils.set_random_seed(seed)
    return support.dense(8, CLASSES, name=name)


def distil(**kwargs):
    x, y = support.data(60, seed=1)
    return procedures.data_distillation(
        **{
            "teacher": net("teacher"),
            "student": net("student", seed=1),
            "labelled": (x[:20], y[:20]),
            "unlabelled": x[20:],
            "updates": 12,
            "epochs": 2,
            "batch_size": 10,
            "verbose": 0,
        }
        | kwargs
    )


@support.eager_tests
class DataDistillationTest(parameterized.TestCase):
    def test_a_teacher_that_gives_probabilities_is_refused(self):
        certain = support.dense(8, CLASSES, activation="softmax")
        with self.assertRaisesRegex(ValueError, "teacher.*teachers.logits"):
            distil(teacher=certain)
        with self.assertRaisesRegex(ValueError, "student.*gives probab"):
            distil(student=certain)
        with self.assertRaisesRegex(TypeError, "FunctionTeacher"):
            distil(teacher=lambda x: x)

    def test_members_probabilities_are_averaged(self):
        x, _ = support.data(60, seed=1)
        members = [net("one"), net("two", seed=5)]
        ensemble = keras_kd.teachers.EnsembleTeacher(members)
        made = distil(teacher=ensemble).annotations
        mean = sum(
            reference.softmax(member.predict(x[20:], verbose=0))
            for member in members
        )
        expected = mean[made.examples, made.y] / 2
        np.testing.assert_allclose(made.scores, expected, rtol=1e-5)

    def test_a_function_teaches_too(self):
        x, _ = support.data(60, seed=1)
        function = keras_kd.teachers.FunctionTeacher(
            lambda x: x[:, :CLASSES], num_classes=CLASSES, from_logits=True
        )
        made = distil(teacher=function).annotations
        expected = reference.softmax(x[20:, :CLASSES])
        np.testing.assert_allclose(
            made.scores, expected[made.examples, made.y], rtol=1e-5
        )

    def test_labels_follow_the_mean_over_the_transforms(self):
        x, _ = support.data(60, seed=1)
        teacher = net("teacher")
        made = distil(
            teacher=teacher, transforms=[Turned(0.0), Turned(0.5), Turned(-1)]
        )
        mean = np.mean(
            [
                reference.softmax(teacher.predict(x[20:] + d, verbose=0))
                for d in (0.0, 0.5, -1.0)
            ],
            axis=0,
        )
        kept = made.annotations
        np.testing.assert_allclose(
            kept.scores, mean[kept.examples, kept.y], rtol=1e-5
        )

    @pytest.mark.slow
    def test_unlabelled_images_help_more_than_the_labels_alone(self):
        random = np.random.default_rng(0)
        centers = 2.0 * random.normal(size=(CLASSES, 4))
        y = random.integers(0, CLASSES, 1200)
        x = (centers[y] + random.normal(size=(1200, 4))).astype("float32")
        few, hidden, test = slice(0, 12), slice(12, 600), slice(600, 1200)
        teacher = net("teacher")
        teacher.compile(keras.optimizers.Adam(0.02), support.cross_entropy())
        teacher.fit(x[few], y[few], epochs=60, verbose=0)

        def accuracy(model):
            guesses = model.predict(x[test], verbose=0).argmax(-1)
            return np.mean(guesses == y[test])

        made = distil(
            teacher=teacher,
            labelled=(x[few], y[few]),
            unlabelled=x[hidden],
            task=procedures.ClassificationTask(0.5),
            transforms=[Turned(d) for d in (-0.5, 0.0, 0.5)],
            updates=400,
            batch_size=32,
            optimizer=keras.optimizers.Adam(0.02),
        )
        self.assertGreater(accuracy(made.student), accuracy(teacher) - 0.02)
        truth = y[hidden][made.annotations.examples]
        self.assertGreater(np.mean(made.annotations.y == truth), 0.8)

    def test_maps_are_changed_back_before_they_are_averaged(self):
        # A model that copies the image into its one map.
        inputs = keras.Input((12, 12, 1))
        copy = keras.Model(inputs, keras.layers.Rescaling(20.0, -10)(inputs))
        task = procedures.ObjectPeaksTask()
        places = np.array([[0, 3, 4, 0], [0, 8, 9, 0], [1, 6, 2, 0]])
        images = task.render(places, (2, 12, 12, 1))
        keras.utils.set_random_seed(0)
        student = keras.Sequential(
            [
                keras.Input((12, 12, 1)),
                keras.layers.Conv2D(1, 3, padding="same"),
            ]
        )
        made = distil(
            teacher=copy,
            student=student,
            labelled=(images, images),
            unlabelled=images,
            task=task,
            transforms=[transforms.Identity(), transforms.Flip()],
            batch_size=4,
        )
        self.assertEqual(made.annotations.num_kept, 3)
        np.testing.assert_allclose(made.annotations.y, images, atol=1e-6)
        loss = made.histories["student"]["loss"]
        self.assertLess(loss[-1], loss[0])

    def test_the_student_begins_from_its_own_weights(self):
        student = net("student", seed=1)
        before = support.values(student.weights)
        made = distil(student=student, optimizer=keras.optimizers.SGD(0.0))
        after = support.values(made.student.weights)
        self.assertEqual(support.largest_difference(before, after), 0)

    @parameterized.named_parameters(
        ("labels", {"labelled": np.zeros(3)}, "labelled.*ndarray"),
        (
            "shapes",
            {"unlabelled": np.zeros((5, 7))},
            r"images of shape \(4,\).*\(7,\)",
        ),
        ("transforms", {"transforms": []}, "transforms.*empty"),
        ("share", {"labelled_share": 1.0}, "labelled_share.*1.0"),
        ("updates", {"updates": 0}, "updates.*0"),
        ("batch", {"batch_size": 1}, "batch_size.*at least 2"),
    )
    def test_refuses(self, kwargs, message):
        with self.assertRaisesRegex(ValueError, message):
            distil(**kwargs)

    def test_refuses_maps_that_do_not_fit(self):
        inputs = keras.Input((None, None, 1))
        net = keras.Model(inputs, keras.layers.Conv2D(1, 1)(inputs))
        images = np.random.default_rng(0).random((2, 9, 9, 1))
        with self.assertRaisesRegex(ValueError, "transforms.*one shape.*Scale"):
            distil(
                teacher=net,
                student=net,
                labelled=(images, images),
                unlabelled=images,
                task=procedures.ObjectPeaksTask(),
                transforms=[transforms.Identity(), transforms.Scale(0.5)],
            )


if __name__ == "__main__":
    absltest.main()
