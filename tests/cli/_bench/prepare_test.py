import dataclasses

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.cli._shell.errors import UnusableError
from tests import support
from tests.cli import small_jobs


class PrepareTest(parameterized.TestCase):
    """Each is refused before anything is trained."""

    def setUp(self):
        super().setUp()
        self.folder = support.folder(self)

    def assert_refuses(self, regex, **arguments):
        with self.assertRaisesRegex(UnusableError, regex):
            small_jobs.run(self.folder / "output", **arguments)
        self.assertEmpty(list((self.folder / "output").iterdir()))

    @parameterized.parameters("teacher", "student")
    def test_labels_outside_the_classes_of_a_model(self, role):
        path = small_jobs.save(self.folder, small_jobs.net(classes=2))
        self.assert_refuses(
            rf"`--{role}` must know every class.*labels go up to 2. Received: "
            rf"--{role}=.*model.keras, which has 2 outputs",
            **{role: path},
        )

    @parameterized.parameters("teacher", "student")
    def test_file_that_is_no_model(self, role):
        path = self.folder / "broken.keras"
        path.write_bytes(b"PK\x03\x04 cut off")
        self.assert_refuses(
            rf"`--{role}` must be a model that Keras can load. Received: "
            rf"--{role}=.*broken.keras \(",
            **{role: str(path)},
        )

    @parameterized.parameters("teacher", "student")
    def test_model_for_images_of_another_shape(self, role):
        path = small_jobs.save(self.folder, small_jobs.net(shape=(8, 8, 3)))
        self.assert_refuses(
            rf"`--{role}` must take images of shape \(6, 6, 1\).*Received: "
            r".*which takes \(8, 8, 3\).*Resizing",
            **{role: path},
        )

    def test_model_that_takes_vectors(self):
        path = small_jobs.save(self.folder, small_jobs.net(shape=(36,)))
        self.assert_refuses(r"which takes \(36,\)", teacher=path)

    def test_model_with_a_single_output_unit(self):
        path = small_jobs.save(
            self.folder, small_jobs.net(1, activation="sigmoid")
        )
        self.assert_refuses(
            r"`--teacher` must give one number per class.*\(None, 1\).*jobs.md",
            teacher=path,
        )

    def test_model_with_two_inputs(self):
        inputs = [keras.Input((6, 6, 1)), keras.Input((6, 6, 1))]
        x = keras.layers.Flatten()(keras.layers.Add()(inputs))
        model = keras.Model(inputs, keras.layers.Dense(3)(x))
        self.assert_refuses(
            "`--teacher` must have one input.*Received.*whose input is another",
            teacher=small_jobs.save(self.folder, model),
        )

    def test_models_of_different_classes(self):
        four = small_jobs.save(self.folder, small_jobs.net(4), "4.keras")
        three = small_jobs.save(self.folder, small_jobs.net(3), "3.keras")
        self.assert_refuses(
            "score the same classes. Received: 4 outputs of the teacher and 3",
            teacher=four,
            student=three,
        )

    def test_models_that_the_method_cannot_compare(self):
        path = small_jobs.save(self.folder, small_jobs.net())
        self.assert_refuses(
            '"net" has no feature maps.*--method=soft_targets',
            teacher=path,
            method="attention_transfer",
        )

    def test_teacher_with_nan_in_its_weights(self):
        model = small_jobs.net()
        model.set_weights([w * float("nan") for w in model.get_weights()])
        self.assert_refuses(
            '`teacher` must have finite weights.*teacher="net" with nan',
            teacher=small_jobs.save(self.folder, model),
        )

    def test_class_with_a_single_image(self):
        data = small_jobs.data()
        keeps = np.concatenate([np.flatnonzero(data.train_labels < 2), [2]])
        data = dataclasses.replace(
            data,
            train_images=data.train_images[keeps],
            train_labels=data.train_labels[keeps],
        )
        self.assert_refuses("one of class 'c' in rows", the_data=data)


if __name__ == "__main__":
    absltest.main()
