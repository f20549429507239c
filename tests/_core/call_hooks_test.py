"""Hooks: whom they reach, and what they leave behind."""

import threading

import keras
import numpy as np
from absl.testing import absltest

from keras_kd._core.call_hooks import hooked


def doubled(function, *args, **kwargs):
    return 2 * function(*args, **kwargs)


def plus_one(function, *args, **kwargs):
    return function(*args, **kwargs) + 1


def identity():
    """A layer that returns its input."""
    return keras.layers.Activation("linear")


def value(layer):
    return float(layer(np.array([3.0]))[0])


class Other:
    """A thread that runs blocks on request, to overlap with this one's."""

    def __init__(self):
        self.requests = []
        self.wanted = threading.Semaphore(0)
        self.done = threading.Semaphore(0)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            self.wanted.acquire()
            self.result = self.requests.pop()()
            self.done.release()

    def do(self, function):
        self.requests.append(function)
        self.wanted.release()
        if not self.done.acquire(timeout=60):
            raise AssertionError("The other thread failed.")
        return self.result


class HookedTest(absltest.TestCase):
    def test_the_hook_takes_the_place_of_the_function(self):
        layer = identity()
        with hooked(layer, "call", doubled):
            self.assertEqual(value(layer), 6)
        self.assertEqual(value(layer), 3)

    def test_the_first_of_several_hooks_is_the_outermost(self):
        layer = identity()
        with hooked(layer, "call", doubled):
            with hooked(layer, "call", plus_one):
                self.assertEqual(value(layer), 2 * (3 + 1))
            self.assertEqual(value(layer), 6)

    def test_a_method_is_left_to_the_class_again(self):
        layer = identity()
        before = dict(vars(layer))
        with hooked(layer, "call", doubled):
            self.assertIn("call", vars(layer))
        self.assertEqual(vars(layer), before)

    def test_an_attribute_is_given_back(self):
        layer = keras.layers.Dense(1, activation="relu")
        relu = layer.activation
        with hooked(layer, "activation", doubled):
            self.assertIsNot(layer.activation, relu)
        self.assertIs(layer.activation, relu)

    def test_an_error_leaves_nothing_behind(self):
        layer = identity()
        with self.assertRaisesRegex(RuntimeError, "stop"):
            with hooked(layer, "call", doubled):
                raise RuntimeError("stop")
        self.assertNotIn("call", vars(layer))
        self.assertEqual(value(layer), 3)

    def test_keras_tracks_nothing(self):
        layer = identity()
        with hooked(layer, "call", keras.layers.Dense(1)):
            self.assertEmpty(layer.variables)

    def test_a_hook_does_not_reach_other_threads(self):
        layer, other = identity(), Other()
        with hooked(layer, "call", doubled):
            self.assertEqual(other.do(lambda: value(layer)), 3)

    def test_blocks_of_two_threads_overlap_in_any_order(self):
        # Entered here, entered there, left here, left there: not nested.
        layer, other = identity(), Other()
        there = hooked(layer, "call", plus_one)
        with hooked(layer, "call", doubled):
            other.do(there.__enter__)
            self.assertEqual(value(layer), 6)
            self.assertEqual(other.do(lambda: value(layer)), 4)
        self.assertEqual(value(layer), 3)
        self.assertEqual(other.do(lambda: value(layer)), 4)
        other.do(lambda: there.__exit__(None, None, None))
        self.assertEqual(other.do(lambda: value(layer)), 3)
        self.assertNotIn("call", vars(layer))

    def test_layers_do_not_share_hooks(self):
        first, second = identity(), identity()
        with hooked(first, "call", doubled):
            self.assertEqual(value(second), 3)


if __name__ == "__main__":
    absltest.main()
