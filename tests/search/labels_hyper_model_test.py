import keras
import keras_tuner
import numpy as np
from absl.testing import absltest

import keras_kd
from keras_kd import search
from tests import support

STUDENT = support.dense(4, name="student")


def control(data=None, **kwargs):
    return search.LabelsHyperModel(
        student=STUDENT,
        data=support.data() if data is None else data,
        loss=support.cross_entropy(),
        metrics=["accuracy"],
        **kwargs,
    )


class LabelsHyperModelTest(absltest.TestCase):
    def test_trains_as_plain_keras_does(self):
        x, y = support.data()
        made = control(knobs={"optimizer": "adam", "batch_size": 24})
        hp = keras_tuner.HyperParameters()
        hp.values["learning_rate"] = 0.02
        model = made.build(hp)
        made.fit(hp, model, epochs=3, verbose=0)
        plain = support.dense(4)
        plain.set_weights(STUDENT.get_weights())
        plain.compile(keras.optimizers.Adam(0.02), support.cross_entropy())
        plain.fit(x, y, batch_size=24, epochs=3, verbose=0)

        np.testing.assert_allclose(
            model.predict(x, verbose=0),
            plain.predict(x, verbose=0),
            rtol=1e-4,
            atol=1e-5,
        )

    def test_sees_the_images_of_a_cache_and_not_its_answers(self):
        x, y = support.data()
        cached = keras_kd.teachers.cache_teacher(
            support.dense(8), (x, y), support.folder(self), verbose=0
        )
        made = control(cached.attach((x, y)))
        for (seen, label), one, right in zip(made.data, x, y, strict=True):
            np.testing.assert_array_equal(seen, one)
            self.assertEqual(int(label), right)

    def test_has_no_knob_of_a_teacher(self):
        with self.assertRaisesRegex(ValueError, "soft_targets.temperature"):
            control(knobs={"soft_targets.temperature": 2.0})

    def test_refuses_training_data_twice(self):
        made, hp = control(), keras_tuner.HyperParameters()
        with self.assertRaisesRegex(ValueError, "no training data.*in both"):
            made.fit(hp, made.build(hp), *support.data())


if __name__ == "__main__":
    absltest.main()
