"""Every wrong use is answered by a rule, what was received and a remedy."""

import functools
import re
import types
from unittest import mock

import keras
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd.report import robustness
from keras_kd.transfer_sets import synthetic
from keras_kd.transfer_sets import transforms
from tests import support
from tests.conformance import misuse_rows_chains
from tests.conformance import misuse_rows_classes
from tests.conformance import misuse_rows_dense
from tests.conformance import misuse_rows_distillers
from tests.conformance import misuse_rows_embeddings
from tests.conformance import misuse_rows_export
from tests.conformance import misuse_rows_features
from tests.conformance import misuse_rows_left
from tests.conformance import misuse_rows_losses
from tests.conformance import misuse_rows_models
from tests.conformance import misuse_rows_outputs
from tests.conformance import misuse_rows_procedures
from tests.conformance import misuse_rows_report
from tests.conformance import misuse_rows_search
from tests.conformance import misuse_rows_sets
from tests.conformance import misuse_rows_teachers
from tests.conformance import misuse_rows_texts
from tests.conformance import misuse_rows_training

ROOMS = {
    "chains": misuse_rows_chains.rows,
    "classes": misuse_rows_classes.rows,
    "dense": misuse_rows_dense.rows,
    "distillers": misuse_rows_distillers.rows,
    "embeddings": misuse_rows_embeddings.rows,
    "export": misuse_rows_export.rows,
    "features": misuse_rows_features.rows,
    "losses": misuse_rows_losses.rows,
    "models": misuse_rows_models.rows,
    "outputs": misuse_rows_outputs.rows,
    "procedures": misuse_rows_procedures.rows,
    "report": misuse_rows_report.rows,
    "search": misuse_rows_search.rows,
    "sets": misuse_rows_sets.rows,
    "teachers": misuse_rows_teachers.rows,
    "texts": misuse_rows_texts.rows,
    "training": misuse_rows_training.rows,
}
NAMED_ROOMS = [(room, room) for room in ROOMS]
MODULES = {
    "callbacks": keras_kd.callbacks,
    "datasets": keras_kd.datasets,
    "export": keras_kd.export,
    "losses": keras_kd.losses,
    "metrics": keras_kd.metrics,
    "models": keras_kd.models,
    "procedures": keras_kd.procedures,
    "report": keras_kd.report,
    "report.robustness": robustness,
    "search": keras_kd.search,
    "teachers": keras_kd.teachers,
    "transfer_sets": keras_kd.transfer_sets,
    "transfer_sets.synthetic": synthetic,
    "transfer_sets.transforms": transforms,
}
# Public names that nobody misuses by himself.
EXCEPTIONS = {
    "datasets.digits": "takes nothing",
    "export.ExportedFile": "is a result",
    "losses.DistillationLoss": "is a base class",
    "metrics.TeacherMetric": "is a base class",
    "report.Interval": "is a result",
    "report.Ranking": "is a result",
    "report.Reliability": "is a result",
    "report.Retrieval": "is a result",
    "report.Spread": "is a result",
    "search.Importance": "is a result",
    "search.TapPair": "is a result",
    "search.TunedDepth": "is a result",
    "transfer_sets.Reconstruction": "is a result",
    "transfer_sets.transforms.Identity": "takes nothing",
    "procedures.Annotations": "is a result",
    "procedures.CoTrainingLabel": "is a result",
    "procedures.CompressScores": "is a result",
}


class Trained(AssertionError):
    """A wrong use has come as far as a step of the optimizer."""


@functools.cache
def rows_of(room):
    """Rows of a room, made once for the tests that call nothing of them."""
    return ROOMS[room]()


def refused(row):
    """What the message of a row must match."""
    return re.compile(
        rf"`{re.escape(row.argument)}[`\[=].*(Received|compares).*"
        + re.escape(row.received),
        re.DOTALL,
    )


def public_names():
    """Names that a user can call, such as `"losses.Hint"`."""
    names = {"Distiller", "MutualDistiller"}
    for module, contents in MODULES.items():
        names |= {
            f"{module}.{name}"
            for name in contents.__all__
            if not isinstance(getattr(contents, name), types.ModuleType)
        }
    return {name for name in names if not name.endswith("Result")}


class EveryMisuseTest(parameterized.TestCase):
    @parameterized.named_parameters(NAMED_ROOMS)
    def test_is_refused_before_anything_is_trained(self, room):
        with mock.patch.object(
            keras.optimizers.Optimizer, "apply", side_effect=Trained
        ):
            for row in rows_of(room):
                with (
                    self.subTest(row.name),
                    self.assertRaisesRegex(
                        (TypeError, ValueError), refused(row)
                    ),
                ):
                    row.call()

    @parameterized.named_parameters(NAMED_ROOMS)
    def test_what_the_message_proposes_works(self, room):
        for row in ROOMS[room]():
            if row.remedy is not None:
                with self.subTest(row.name), support.eagerly():
                    row.remedy()


support.mark_slow(
    EveryMisuseTest,
    "test_what_the_message_proposes",
    but=["features", "losses", "models", "report", "search"],
)


class TableTest(absltest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rows = [row for room in ROOMS for row in rows_of(room)]

    def test_names_are_unique(self):
        names = [row.name for row in self.rows]
        self.assertEmpty({name for name in names if names.count(name) > 1})

    def test_has_every_public_name(self):
        found = {row.of for row in self.rows}
        missing = public_names() - EXCEPTIONS.keys()
        missing = {
            name
            for name in missing
            if not any(of == name or of.startswith(f"{name}.") for of in found)
        }
        self.assertEmpty(missing)

    def test_exceptions_are_public_and_have_no_row(self):
        self.assertContainsSubset(EXCEPTIONS, public_names())
        self.assertEmpty(EXCEPTIONS.keys() & {row.of for row in self.rows})


class LeftTest(parameterized.TestCase):
    @parameterized.parameters(
        *misuse_rows_left.TO_PYTHON, *misuse_rows_left.TO_KERAS
    )
    def test_others_name_what_is_wrong(self, wrong, call, says):
        del wrong
        errors = TypeError, ValueError, AttributeError
        with self.assertRaisesRegex(errors, re.escape(says)):
            call()


if __name__ == "__main__":
    absltest.main()
