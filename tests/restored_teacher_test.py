"""Distillers whose teacher was not restored."""

import keras
from absl.testing import absltest

import keras_kd
from tests import support
from tests.support import cross_entropy


def made():
    distiller = support.distiller(
        [
            keras_kd.losses.SoftTargets(3.0),
            keras_kd.losses.Hint(teacher_tap="hidden", student_tap="hidden"),
        ]
    )
    distiller.compile("adam", loss=cross_entropy())
    return distiller


def fit(distiller, **kwargs):
    return distiller.fit(*support.data(), shuffle=False, verbose=0, **kwargs)


class RestoredTeacherTest(absltest.TestCase):
    def test_a_copy_without_the_teachers_weights_teaches_nothing(self):
        original = made()
        x, y = support.data()

        def cloned():
            copy = keras.models.clone_model(original)
            copy.set_weights(original.get_weights())
            return copy

        for copy in (
            cloned(),
            keras_kd.Distiller.from_config(original.get_config()),
            keras.models.model_from_json(original.to_json()),
        ):
            copy.compile("sgd", loss=cross_entropy())
            for call in (
                copy.fit,
                copy.evaluate,
                copy.train_on_batch,
                copy.test_on_batch,
                lambda x, y, copy=copy: copy.train_step((x, y)),
                lambda x, y, copy=copy: copy.test_step((x, y)),
            ):
                with self.assertRaisesRegex(
                    ValueError, "must be restored.*Make a new Distiller"
                ):
                    call(x, y)

    def test_a_copy_without_them_cannot_be_saved_as_if_it_had(self):
        copy = keras.models.clone_model(made())
        for name in ("copy.keras", "copy.weights.h5"):
            path = support.folder(self) / name
            save = copy.save if name.endswith("keras") else copy.save_weights
            with self.assertRaisesRegex(ValueError, "must be restored"):
                save(path)

    def test_the_remedy_for_a_copy_works(self):
        original = made()
        copy = keras.models.clone_model(original)
        copy.set_weights(original.get_weights())
        again = keras_kd.Distiller(
            teacher=original.teacher,
            student=copy.student,
            distillation_losses=keras_kd.losses.SoftTargets(3.0),
        )
        again.compile("sgd")
        again.fit(support.data()[0], verbose=0)

    def test_a_copy_whose_teacher_is_loaded_by_hand_goes_on(self):
        original = made()
        fit(original)
        path = support.folder(self) / "run.weights.h5"
        original.save_weights(path)
        copy = keras_kd.Distiller.from_config(original.get_config())
        copy.teacher.set_weights(original.teacher.get_weights())
        copy.compile_from_config(original.get_compile_config())
        copy.load_weights(path)
        copy.evaluate(*support.data(), verbose=0)

    def test_hdf5_is_refused_when_it_is_written(self):
        distiller = made()
        folder = support.folder(self)
        for name in ("best.h5", "best.hdf5", "BEST.H5"):
            with self.assertRaisesRegex(
                ValueError, "`filepath` must end in .keras.*Received: filepath="
            ):
                distiller.save(folder / name)
        checkpoint = keras.callbacks.ModelCheckpoint(str(folder / "best.h5"))
        with self.assertRaisesRegex(ValueError, "must end in .keras"):
            fit(distiller, callbacks=[checkpoint])
        self.assertEmpty(list(folder.iterdir()))

    def test_hdf5_by_another_way_has_no_teacher_and_says_so(self):
        path = str(support.folder(self) / "best.h5")
        keras.saving.save_model(made(), path)
        loaded = keras.saving.load_model(
            path,
            compile=False,
            custom_objects={
                "Distiller": keras_kd.Distiller,
                "SoftTargets": keras_kd.losses.SoftTargets,
                "Hint": keras_kd.losses.Hint,
            },
        )
        loaded.compile("sgd")
        with self.assertRaisesRegex(ValueError, "must be restored"):
            loaded.fit(support.data()[0], verbose=0)


if __name__ == "__main__":
    absltest.main()
