from absl.testing import absltest

import keras_kd

# Each name is a promise to users: add one only on purpose.
EXPECTED = [
    "Distiller",
    "MutualDistiller",
    "batch",
    "callbacks",
    "datasets",
    "distribution",
    "export",
    "losses",
    "metrics",
    "models",
    "procedures",
    "projectors",
    "report",
    "search",
    "taps",
    "teachers",
    "transfer_sets",
]


class ApiTest(absltest.TestCase):
    def test_public_names_are_the_expected_ones(self):
        self.assertEqual(sorted(keras_kd.__all__), EXPECTED)

    def test_public_names_are_sorted(self):
        self.assertEqual(keras_kd.__all__, sorted(keras_kd.__all__))

    def test_every_public_name_exists(self):
        missing = [n for n in keras_kd.__all__ if not hasattr(keras_kd, n)]
        self.assertEmpty(missing)


if __name__ == "__main__":
    absltest.main()
