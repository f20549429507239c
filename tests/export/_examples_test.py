import numpy as np
from absl.testing import absltest

from keras_kd.export import _examples
from keras_kd.export import _inference
from tests import support


class ExamplesTest(absltest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.student = support.dense(4)
        cls.copy = _inference.InferenceCopy(cls.student)

    def examples(self, test, calibration=None):
        return _examples.Examples(self.student, self.copy, test, calibration)

    def test_accuracy_and_agreement_count_choices(self):
        x = support.data(4)[0]
        examples = self.examples((x, np.array([0, 1, 2, 0])))
        examples.reference = {"output_0": np.eye(3)[[0, 1, 1, 2]]}
        found = {"output_0": np.eye(3)[[0, 1, 2, 1]]}
        # Against the labels 0, 1, 2, 0, and the choices 0, 1, 1, 2.
        self.assertEqual(examples.accuracy(found), 3 / 4)
        self.assertEqual(examples.agreement(found), 2 / 4)
        self.assertEqual(examples.difference(found), 1)

    def test_without_labels_there_is_no_accuracy(self):
        examples = self.examples(support.data(4)[0])
        self.assertIsNone(examples.accuracy(examples.reference))
        self.assertEqual(examples.agreement(examples.reference), 1)

    def test_takes_labels_in_a_column(self):
        x, labels = support.data(4)
        flat = self.examples((x, labels))
        column = self.examples((x, labels[:, None]))
        self.assertEqual(
            flat.accuracy(flat.reference), column.accuracy(column.reference)
        )

    def test_a_small_difference_of_large_outputs_is_close(self):
        examples = self.examples(support.data(4)[0])
        examples.reference = {"output_0": np.array([[1000.0, 0, 0]])}
        near = {"output_0": np.array([[1000.09, 0, 0]])}
        far = {"output_0": np.array([[1000.2, 0, 0]])}
        # Of 1,000, 1e-4 is .1.
        self.assertTrue(examples.is_close(near))
        self.assertFalse(examples.is_close(far))

    def test_other_outputs_are_refused(self):
        examples = self.examples(support.data(4)[0])
        with self.assertRaisesRegex(ValueError, "Its outputs are"):
            examples.difference({"other": np.zeros((4, 3))})

    def test_makes_up_examples(self):
        examples = self.examples(None)
        (found,) = examples.test.values()
        self.assertEqual(found.shape, (_examples.RANDOM, 4))
        self.assertBetween(found.min(), 0, found.max())


class ChosenTest(absltest.TestCase):
    def test_one_number_is_a_class_where_there_are_labels(self):
        one = {"a": np.array([[0.2], [0.7]])}
        self.assertIsNone(_examples.chosen(one, None))
        self.assertEqual(_examples.chosen(one, 0.5).tolist(), [False, True])
        self.assertEqual(_examples.chosen(one, 0.0).tolist(), [True, True])


if __name__ == "__main__":
    absltest.main()
