import dataclasses
import os
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import distribution
from keras_kd.cli import methods
from keras_kd.cli._search import settings as search_settings
from keras_kd.cli._search.settings import SearchSettings
from keras_kd.cli._search.settings import resolve
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.search import chief
from keras_kd.search import tuners

ID, IP, PORT = search_settings.VARIABLES


class ResolveTest(parameterized.TestCase):
    def test_gives_settings_for_each_method_once(self):
        given = SearchSettings(methods=("hints", "soft_targets", "hints"))
        hints, soft = resolve(given)
        self.assertEqual((hints.method, soft.method), ("hints", "soft_targets"))
        self.assertIsNone(hints.temperature)
        self.assertEqual(soft.temperature, 8.0)
        self.assertEqual(
            soft.cache, os.path.join("keras_kd_search", "teacher_cache")
        )

    def test_fixes_a_flag_for_the_methods_that_have_it(self):
        given = SearchSettings(
            methods=("hints", "soft_targets"),
            temperature=2.0,
            learning_rate=0.1,
        )
        hints, soft = resolve(given)
        self.assertIsNone(hints.temperature)
        self.assertEqual(soft.temperature, 2.0)
        self.assertEqual((hints.learning_rate, soft.learning_rate), (0.1, 0.1))

    def test_every_method_is_searchable_or_says_why_not(self):
        reasons = {
            name: search_settings.unsearchable(method)
            for name, method in methods.METHODS.items()
        }
        usable = [name for name, reason in reasons.items() if reason is None]
        self.assertEqual(
            set(reasons) - set(usable),
            {
                "fitnets",
                "gradient_transfer",
                "mutual_learning",
                "noisy_teacher",
                "shallow_mimic",
                "simkd",
                "taid",
            },
        )
        resolved = resolve(SearchSettings(methods=tuple(usable)))
        self.assertLen(resolved, len(usable))
        for name, reason in reasons.items():
            if reason is not None:
                with self.assertRaisesRegex(
                    UnusableError,
                    "`--methods` must be methods that learn from a cache.*"
                    f"Received: {name} in --methods={name}; {reason}. There",
                ):
                    resolve(SearchSettings(methods=(name,)))

    def test_names_are_those_of_the_library(self):
        self.assertCountEqual(search_settings.TUNERS, tuners.TUNERS)
        self.assertEqual(
            {*search_settings.STRATEGIES, search_settings.MULTI_WORKER},
            set(distribution.NAMES),
        )
        self.assertEqual(
            search_settings.VARIABLES, (chief.ID, chief.IP, chief.PORT)
        )


class RefusalTest(parameterized.TestCase):
    def assert_refuses(self, regex, **settings):
        with self.assertRaisesRegex(UnusableError, regex):
            resolve(dataclasses.replace(SearchSettings(), **settings))

    @parameterized.parameters(
        ("max_trials", 0, "1 or more, since it is the number of settings"),
        ("seeds", 0, "1 or more, since it is the number of students in each t"),
        ("workers", -1, "0 or more, since it is the number of processes"),
        ("learning_rate", 0.0, "above 0"),
        ("learning_rate", float("nan"), "above 0"),
        ("temperature", -1.0, "above 0"),
        ("epochs", 0, "1 or more"),
        ("fraction", 2.0, "above 0 and at most 1"),
    )
    def test_a_number_out_of_range(self, name, value, rule):
        self.assert_refuses(
            f"`--{name}` must be {rule}.*Received: --{name}={value:g}",
            **{name: value},
        )

    def test_no_method(self):
        self.assert_refuses(
            "`--methods` must name one method.*Received: --methods= without",
            methods=(),
        )

    def test_an_unknown_method(self):
        self.assert_refuses(
            "`--methods` must be methods that.*Received: 'hint' in --methods="
            "soft_targets,hint. Did you mean hints",
            methods=("soft_targets", "hint"),
        )

    @parameterized.parameters(
        ("tuner", "bayes", "bayesian, random, hyperband, grid", "bayesian"),
        ("strategy", "miror", "one_device, mirrored", "mirrored"),
    )
    def test_an_unknown_name(self, name, value, known, nearest):
        self.assert_refuses(
            f"`--{name}` must be one of {known}. Received: --{name}={value}. "
            f"Did you mean {nearest}",
            **{name: value},
        )

    def test_a_strategy_over_several_processes(self):
        self.assert_refuses(
            "keras-tuner trains each trial in one process. Received: "
            "--strategy=multi_worker. Use --workers",
            strategy="multi_worker",
        )

    def test_more_workers_than_trials(self):
        resolve(SearchSettings(workers=3, max_trials=3))
        self.assert_refuses(
            "`--workers` must not be more than `--max_trials`.*Received: "
            "--workers=4, --max_trials=3",
            workers=4,
            max_trials=3,
        )

    def test_several_seeds_with_hyperband(self):
        self.assert_refuses(
            "`--seeds` must be 1 with `--tuner=hyperband`.*Received: --seeds=2",
            tuner="hyperband",
            seeds=2,
        )

    def test_limits_with_hyperband(self):
        self.assert_refuses(
            "`--max_bytes` must be left out with `--tuner=hyperband`.*Received:"
            " --max_bytes=9000",
            tuner="hyperband",
            max_bytes=9000,
        )

    @parameterized.parameters("max_parameters", "max_milliseconds")
    def test_a_limit_of_nothing(self, name):
        self.assert_refuses(
            f"`--{name}` must be above 0, since it is .*Received: --{name}=0",
            **{name: 0},
        )

    def test_to_go_on_and_to_begin_anew(self):
        self.assert_refuses(
            "`--resume` and `--overwrite` must not be given together.*Received",
            resume=True,
            overwrite=True,
        )

    def test_a_flag_that_no_method_has(self):
        self.assert_refuses(
            "`--temperature` must not be given with --methods=hints,.*Received:"
            " --temperature=3. Leave",
            methods=("hints", "attention_transfer"),
            temperature=3.0,
        )

    def test_the_output_folder_as_cache(self):
        self.assert_refuses(
            "`--cache` must be another folder than `--output`.*Received",
            cache="keras_kd_search",
        )

    def test_a_part_of_the_variables(self):
        with mock.patch.dict(os.environ, {ID: "worker1", IP: "127.0.0.1"}):
            self.assert_refuses(
                f"{ID}, .* must be set together.*Received: no {PORT}. Set"
            )

    def test_workers_of_a_worker(self):
        variables = {ID: "worker1", IP: "127.0.0.1", PORT: "1"}
        with mock.patch.dict(os.environ, variables):
            resolve(SearchSettings())
            self.assert_refuses(
                "`--workers` must not be given where.*Received: --workers=2, "
                f"{ID}=worker1. Leave",
                workers=2,
            )


if __name__ == "__main__":
    absltest.main()
