"""Functions and estimators are told apart by what they are."""

import functools
import json

import numpy as np
from absl.testing import absltest
from sklearn import naive_bayes
from sklearn import pipeline
from sklearn import preprocessing

from keras_kd._core import named


class NamedTest(absltest.TestCase):
    def assert_differ(self, *described):
        texts = [json.dumps(one) for one in described]
        self.assertLen(set(texts), len(texts))

    def test_functions(self):
        def one(x, amount=1):
            return x

        self.assert_differ(
            named.of_function(None),
            named.of_function(one),
            named.of_function(np.negative),
            named.of_function(functools.partial(one, amount=2)),
            named.of_function(functools.partial(one, amount=np.arange(2))),
            named.of_function(functools.partial(one, 3)),
        )
        self.assertEqual(
            named.of_function(functools.partial(one, verbose=0)),
            named.of_function(functools.partial(one, verbose=1)),
        )

    def test_functions_of_one_name_and_other_code(self):
        def make(amount):
            def inner(x, scale=1):
                def innermost(y):
                    return x + amount * y

                return innermost

            return inner

        self.assertEqual(named.of_function(make(1)), named.of_function(make(1)))
        self.assert_differ(
            named.of_function(make(1)),
            named.of_function(make(2)),
            named.of_function(lambda x: x + 1),
            named.of_function(lambda x: x + 2),
        )

    def test_a_function_that_calls_itself(self):
        def count(x):
            return count(x - 1) if x else 0

        self.assertIsInstance(json.dumps(named.of_function(count)), str)

    def test_what_a_function_collects_does_not_count(self):
        calls = []

        def function(x):
            calls.append(x)
            return len(calls)

        found = named.of_function(function)
        function(3)
        self.assertEqual(named.of_function(function), found)

    def test_estimators(self):
        def make(smoothing):
            return pipeline.make_pipeline(
                preprocessing.FunctionTransformer(np.abs),
                naive_bayes.GaussianNB(var_smoothing=smoothing),
            )

        self.assertEqual(
            named.of_estimator(make(0.1)), named.of_estimator(make(0.1))
        )
        self.assert_differ(
            named.of_estimator(make(0.1)),
            named.of_estimator(make(0.2)),
            named.of_estimator(naive_bayes.GaussianNB()),
            named.of_estimator(naive_bayes.MultinomialNB()),
        )


if __name__ == "__main__":
    absltest.main()
