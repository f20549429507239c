"""What a batch is made of."""

import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import batch

IMAGES = np.arange(6.0).reshape(3, 2)


class ReservedTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("array", IMAGES),
        ("dict", {"image": IMAGES, "text": IMAGES}),
        ("list", [IMAGES, IMAGES]),
    )
    def test_split_undoes_attach(self, x):
        attached = batch.attach(x, example_ids=[0, 1, 2])
        self.assertEqual(set(attached), {"x", batch.RESERVED})
        found, reserved = batch.split(attached)
        self.assertIs(found, x)
        self.assertEqual(reserved, {"example_ids": [0, 1, 2]})

    @parameterized.named_parameters(
        ("array", IMAGES), ("dict_with_an_entry_x", {"x": IMAGES})
    )
    def test_split_finds_nothing_in_plain_input(self, x):
        found, reserved = batch.split(x)
        self.assertIs(found, x)
        self.assertEqual(reserved, {})

    def test_attaching_twice_keeps_both(self):
        attached = batch.attach(batch.attach(IMAGES, a=1, b=2), b=3, c=4)
        found, reserved = batch.split(attached)
        self.assertIs(found, IMAGES)
        self.assertEqual(reserved, {"a": 1, "b": 3, "c": 4})

    def test_attaching_changes_no_batch(self):
        first = batch.attach(IMAGES, a=1)
        batch.attach(first, b=2)
        self.assertEqual(batch.split(first)[1], {"a": 1})


class ExampleIdsTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("x", (IMAGES,), None),
        ("x_y", (IMAGES, [4, 5, 6]), (5,)),
        ("x_y_weight", (IMAGES, [4, 5, 6], [0.1, 0.2, 0.3]), (5, 0.2)),
    )
    def test_numbers_examples_in_order(self, data, others):
        # A tuple of one array is one array, as `fit` sees it.
        structure = data if len(data) > 1 else data[0]
        dataset = tf.data.Dataset.from_tensor_slices(structure)
        elements = list(batch.attach_example_ids(dataset).as_numpy_iterator())
        if others is None:
            xs = elements
        else:
            xs = [element[0] for element in elements]
            np.testing.assert_allclose(elements[1][1:], others)
        for index, x in enumerate(xs):
            image, reserved = batch.split(x)
            np.testing.assert_array_equal(image, IMAGES[index])
            self.assertEqual(reserved["example_ids"], index)
            self.assertEqual(reserved["example_ids"].dtype, "int64")

    def test_numbers_survive_shuffling_and_batching(self):
        dataset = tf.data.Dataset.from_tensor_slices({"a": np.arange(10) * 7})
        numbered = batch.attach_example_ids(dataset).shuffle(10).batch(4)
        for element in numbered:
            x, reserved = batch.split(element)
            np.testing.assert_array_equal(x["a"], 7 * reserved["example_ids"])

    def test_numbers_go_beside_what_is_reserved(self):
        dataset = tf.data.Dataset.from_tensor_slices(IMAGES)
        dataset = dataset.map(lambda x: batch.attach(x, other=x[0]))
        element = next(iter(batch.attach_example_ids(dataset)))
        self.assertEqual(set(batch.split(element)[1]), {"other", "example_ids"})


class EntriesTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.x = {"a": 1, "b": 2, "c": 3}

    def test_none_is_all(self):
        self.assertIs(batch.entries(self.x, None, "inputs"), self.x)

    def test_a_name_is_one_entry(self):
        self.assertEqual(batch.entries(self.x, "b", "inputs"), 2)

    def test_a_list_is_a_dict(self):
        found = batch.entries(self.x, ["c", "a"], "inputs")
        self.assertEqual(found, {"c": 3, "a": 1})

    def test_a_list_is_a_list_for_a_model_that_takes_one(self):
        found = batch.entries(self.x, ["c", "a"], "inputs", as_list=True)
        self.assertEqual(found, [3, 1])

    def test_refuses_a_name_that_is_not_there(self):
        x = {"depth": np.ones((3, 2)), "image": np.ones((3, 4))}
        for chosen in ("Image", ["depth", "imgae"]):
            with self.assertRaisesRegex(
                ValueError,
                r"`student_inputs` must name.*'depth' \(3, 2\), 'image' "
                r"\(3, 4\)\. The nearest is 'image'",
            ):
                batch.entries(x, chosen, "student_inputs")

    def test_refuses_names_for_an_input_without_any(self):
        for x in (IMAGES, [IMAGES, IMAGES], (IMAGES,)):
            with self.assertRaisesRegex(
                ValueError, r"`mask_input`.*\(3, 2\).*as a dict, {'b': ...}"
            ):
                batch.entry(x, "b", "mask_input")


class OfOutputTest(parameterized.TestCase):
    @parameterized.parameters("left", None)
    def test_one_value_is_for_all_outputs(self, name):
        weights = np.ones(3)
        self.assertIs(
            batch.of_output(weights, ("left", "right"), name), weights
        )
        self.assertIsNone(batch.of_output(None, ("left", "right"), name))

    def test_finds_the_value_of_an_output(self):
        names = ("left", "right")
        self.assertEqual(batch.of_output([1, 2], names, "right"), 2)
        self.assertEqual(
            batch.of_output({"right": 2, "left": 1}, names, "right"), 2
        )

    def test_a_dict_may_leave_outputs_out(self):
        self.assertIsNone(
            batch.of_output({"left": 1}, ("left", "right"), "right")
        )

    def test_a_place_inside_gets_all_values(self):
        self.assertEqual(batch.of_output([1, 2], ("a", "b"), None), [1, 2])

    @parameterized.parameters(([7],), ({"any": 7},), ((7,),))
    def test_the_only_value_is_for_the_only_output(self, structure):
        self.assertEqual(batch.of_output(structure, (), None), 7)

    def test_members_are_the_values(self):
        self.assertEqual(batch.members({"a": 1, "b": 2}), [1, 2])
        self.assertEqual(batch.members((1, 2)), [1, 2])
        self.assertEqual(batch.members(1), [1])


class SizeTest(absltest.TestCase):
    def test_counts_examples(self):
        self.assertEqual(batch.size(IMAGES), 3)
        self.assertEqual(batch.size({"b": [IMAGES], "c": IMAGES}), 3)

    def test_counts_examples_of_an_unknown_batch(self):
        signature = tf.TensorSpec((None, 2), "float64")
        counted = tf.function(batch.size, input_signature=[signature])
        self.assertEqual(counted(IMAGES), 3)


if __name__ == "__main__":
    absltest.main()
