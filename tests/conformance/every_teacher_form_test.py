"""A teacher of any form is taken for what it is, or refused.

Each row of a procedure is run with a teacher that ends in softmax, and with an
ensemble, in a folder that the same teacher has used without.
"""

import pathlib
import tempfile

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import teachers
from keras_kd import transfer_sets
from tests import support
from tests.conformance import procedure_rows
from tests.conformance import procedure_runs as runs

ROWS = {
    name: row
    for name, row in procedure_rows.NAMED_ROWS
    if row.make_teacher() is not None
}
# Arguments that name layers of an ensemble.
OF_ENSEMBLE = {"fitnets": {"hint_tap": "teacher/hidden"}}
# An ensemble has no units of its own, and no layers that come one by one.
TAKES_NO_ENSEMBLE = {
    "data_free": (ValueError, "`teacher` must give logits of shape"),
    "reuse_classifier": (TypeError, "`teacher` must be a Functional"),
    "supervision_transfer": (TypeError, "`teacher` must be a Functional"),
}


def build_specialist(classes):
    return runs.dropout_net(classes=len(classes) + 1)


def with_probabilities(teacher):
    """The same weights, and a softmax at the end."""
    config = teacher.get_config()
    config["layers"][-1]["config"]["activation"] = "softmax"
    made = type(teacher).from_config(config)
    made.set_weights(teacher.get_weights())
    return made


def ensemble_of_equals(teacher):
    """Averages the probabilities of two: they are those of the teacher."""
    second = keras.models.clone_model(teacher)
    second.set_weights(teacher.get_weights())
    second.name = "second"
    return teachers.EnsembleTeacher([teacher, second])


class EveryTeacherFormTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.results = {}

    def used(self, name):
        """A folder with a finished run, one for all tests, and its result."""
        folder = pathlib.Path(self.root, name)
        if name not in self.results:
            self.results[name] = self.run_row(name, directory=folder)
        return folder, self.results[name]

    def run_row(self, name, form=None, **kwargs):
        row = ROWS[name]
        teacher = row.make_teacher()
        if name == "specialists":
            kwargs["build_specialist"] = build_specialist
        if name == "data_free":
            kwargs["records"] = transfer_sets.activation_records(
                teacher=teacher, data=support.data(60)
            )
        return row.run(form(teacher) if form else teacher, **kwargs)

    @parameterized.parameters(*ROWS)
    def test_probabilities_are_refused(self, name):
        folder, _ = self.used(name)
        with self.assertRaisesRegex(
            ValueError, r"must .*logits.*(teacher|generalist).*teachers\.logits"
        ):
            self.run_row(name, with_probabilities, directory=folder)

    @parameterized.parameters(*ROWS)
    def test_an_ensemble_is_another_teacher(self, name):
        folder, _ = self.used(name)
        error = (ValueError, r"`directory` .*same run.*(teacher|generalist)\.")
        with self.assertRaisesRegex(*TAKES_NO_ENSEMBLE.get(name, error)):
            self.run_row(
                name,
                ensemble_of_equals,
                directory=folder,
                **OF_ENSEMBLE.get(name, {}),
            )

    @parameterized.parameters(*sorted(set(ROWS) - set(TAKES_NO_ENSEMBLE)))
    @pytest.mark.slow
    def test_an_ensemble_of_equals_teaches_what_each_does(self, name):
        _, expected = self.used(name)
        found = self.run_row(
            name, ensemble_of_equals, **OF_ENSEMBLE.get(name, {})
        )
        self.assertEqual(list(found.histories), list(expected.histories))
        for stage, history in expected.histories.items():
            for key, values in history.items():
                np.testing.assert_allclose(
                    found.histories[stage][key],
                    values,
                    rtol=1e-3,
                    err_msg=f"{stage} {key}",
                )


support.mark_slow(
    EveryTeacherFormTest, "test_an_ensemble_is_another", but=["0"]
)
support.mark_slow(
    EveryTeacherFormTest, "test_probabilities_are_refused", but=["0"]
)


if __name__ == "__main__":
    absltest.main()
