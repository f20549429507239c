import unittest.mock

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import procedures
from keras_kd import transfer_sets
from keras_kd.transfer_sets._activations import maker
from tests import reference
from tests import support
from tests.transfer_sets import small_teachers


def run(teacher, records, student=None, **changed):
    keras.utils.set_random_seed(2)
    return procedures.data_free(
        **{
            "teacher": teacher,
            "student": student or small_teachers.net(6, 5, 3, name="student"),
            "records": records,
            "images_per_class": 20,
            "steps": 60,
            "epochs": 2,
            "verbose": 0,
        }
        | changed
    )


@support.eager_tests
class DataFreeTest(parameterized.TestCase):
    @pytest.mark.slow
    def test_student_learns_what_it_does_not_learn_from_noise(self):
        teacher = small_teachers.trained()
        x, y = small_teachers.clusters(seed=5)
        records = small_teachers.records(teacher, transfer_sets.AllLayers())
        accuracies = []
        # The control has all but the reconstruction: noise that moved once.
        for steps in (1, 200):
            student = keras.models.clone_model(small_teachers.net(6, 5, 3))
            result = run(
                teacher,
                records,
                student,
                steps=steps,
                epochs=40,
                optimizer=keras.optimizers.Adam(0.02),
            )
            scores = result.student.predict(x, verbose=0)
            accuracies.append(np.mean(scores.argmax(-1) == y))
        self.assertGreater(accuracies[1], 0.9)
        self.assertGreater(accuracies[1], accuracies[0] + 0.1)

    @pytest.mark.slow
    def test_loss_is_the_softened_divergence_without_a_factor(self):
        teacher = small_teachers.trained()
        records = small_teachers.records(teacher)
        student = small_teachers.net(6, 5, 3, seed=3)
        # The student stays what it is, so the first epoch shows its loss.
        result = run(
            teacher,
            records,
            student,
            temperature=5.0,
            epochs=1,
            optimizer=keras.optimizers.SGD(1e-12),
        )
        x = result.reconstruction.x
        v, z = (
            keras.ops.convert_to_numpy(model(x)) / 5
            for model in (teacher, student)
        )
        p, q = reference.softmax(v), reference.softmax(z)
        expected = np.mean(np.sum(p * np.log(p / q), axis=-1))
        np.testing.assert_allclose(
            result.histories["distillation"]["loss"], [expected], rtol=1e-3
        )

    def test_inputs_are_those_of_reconstruct(self):
        teacher = small_teachers.net(6, 5, 3)
        records = small_teachers.records(teacher)
        arguments = {
            "images_per_class": 5,
            "steps": 7,
            "dropout": 0.25,
            "rectified": False,
            "pixel_mean": 0.4,
            "pixel_stddev": 0.2,
            "seed": 3,
        }
        expected = transfer_sets.reconstruct(
            teacher=teacher,
            records=records,
            learning_rate=0.02,
            batch_size=3,
            verbose=0,
            **arguments,
        )
        result = run(
            teacher,
            records,
            image_learning_rate=0.02,
            reconstruction_batch_size=3,
            **arguments,
        )
        np.testing.assert_array_equal(result.reconstruction.x, expected.x)
        self.assertEqual(result.histories["reconstruction"], expected.history)

    @pytest.mark.slow
    def test_validation_shows_the_accuracy(self):
        teacher = small_teachers.trained()
        x, y = small_teachers.clusters()
        result = run(
            teacher, small_teachers.records(teacher), validation_data=(x, y)
        )
        scores = result.student.predict(x, verbose=0)
        self.assertAlmostEqual(
            result.histories["distillation"]["val_accuracy"][-1],
            np.mean(scores.argmax(-1) == y),
            places=5,
        )

    def test_interrupted_reconstruction_goes_on(self):
        teacher = small_teachers.net(6, 5, 3)
        records = small_teachers.records(teacher)
        folder = support.folder(self)
        expected = run(teacher, records)
        optimise = maker.Pixels.optimise
        calls = []

        def interrupted(*args):
            calls.append(None)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return optimise(*args)

        with unittest.mock.patch.object(maker.Pixels, "optimise", interrupted):
            with self.assertRaises(KeyboardInterrupt):
                run(teacher, records, directory=folder)
            # Two batches of three were kept, so one more is made.
            result = run(teacher, records, directory=folder)
        self.assertLen(calls, 4)
        self.assertEqual(result.histories, expected.histories)
        for ours, theirs in zip(
            support.values(result.student.weights),
            support.values(expected.student.weights),
            strict=True,
        ):
            np.testing.assert_array_equal(ours, theirs)


class RefusalsTest(parameterized.TestCase):
    def refuse(self, message, error=ValueError, **changed):
        teacher = small_teachers.net(6, 5, 3)
        records = small_teachers.records(teacher)
        arguments = {"teacher": teacher, "records": records}
        # Before any work is done.
        with (
            unittest.mock.patch.object(maker.Pixels, "optimise") as optimise,
            self.assertRaisesRegex(error, message),
        ):
            run(**arguments | changed)
        optimise.assert_not_called()

    @parameterized.named_parameters(
        ("epochs", "epochs", 0),
        ("batch", "batch_size", 0),
        ("temperature", "temperature", -1.0),
        ("dropout", "dropout", 1.5),
        ("images", "images_per_class", 0),
        ("steps", "steps", 0.5),
        ("rate", "image_learning_rate", -1),
        ("parts", "reconstruction_batch_size", 0),
        ("mean", "pixel_mean", float("inf")),
    )
    def test_numbers(self, name, value):
        folder = support.folder(self)
        self.refuse(
            f"`{name}` must.*={value}", directory=folder, **{name: value}
        )
        # Or the right numbers would be refused as those of another run.
        self.assertEmpty(list(folder.iterdir()))

    def test_records(self):
        self.refuse("of type list", TypeError, records=[])
        other = small_teachers.net(6, 5, 3, seed=1)
        self.refuse("weights that it had", teacher=other)

    def test_a_student_of_other_classes(self):
        self.refuse("classes", student=small_teachers.net(6, 5, 4))

    def test_a_student_that_is_the_teacher(self):
        teacher = small_teachers.net(6, 5, 3)
        self.refuse("two models", teacher=teacher, student=teacher)


if __name__ == "__main__":
    absltest.main()
