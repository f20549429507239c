import dataclasses

from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.cli import methods
from keras_kd.cli._shell.choice import is_several
from keras_kd.cli._shell.choice import resolve_each
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.cli._shell.settings import Settings
from keras_kd.cli._shell.settings import resolve


def names(**settings):
    return [one.method for one in resolve_each(Settings(**settings))]


class ChoiceTest(parameterized.TestCase):
    def test_one_method_is_resolved_by_itself(self):
        given = Settings(method="dkd", temperature=2.0)
        self.assertFalse(is_several(given))
        self.assertEqual(resolve_each(given), (resolve(given),))

    def test_each_has_the_defaults_of_its_own(self):
        given = Settings(method="hints,dkd", epochs=3)
        self.assertTrue(is_several(given))
        expected = [
            resolve(dataclasses.replace(given, method=name))
            for name in ("hints", "dkd")
        ]
        self.assertEqual(list(resolve_each(given)), expected)

    def test_all_are_those_of_one_student(self):
        brings_its_own = {"shallow_mimic"}
        expected = [n for n in methods.METHODS if n not in brings_its_own]
        self.assertEqual(names(method="all"), expected)

    def test_all_leaves_out_what_the_settings_rule_out(self):
        left_out = {"noisy_teacher", "mutual_learning", "gradient_transfer"}
        missing = {}
        found = resolve_each(
            Settings(method="all", cache="a_cache", epochs=1),
            leave_out=lambda name, error: missing.update({name: str(error)}),
        )
        left_out |= {"fitnets", "shallow_mimic"}
        self.assertEqual(missing.keys(), left_out)
        self.assertEqual(
            {one.method for one in found}, set(methods.METHODS) - left_out
        )
        self.assertRegex(missing["fitnets"], "2 or more.*--epochs=1")
        self.assertRegex(missing["shallow_mimic"], "its own student")

    @parameterized.named_parameters(
        (
            "unknown",
            {"method": "dkd,hint"},
            "--method=hint. Did you mean hints",
        ),
        ("no_name", {"method": "dkd,"}, "Received: --method=. There are"),
        ("twice", {"method": "dkd,nkd,dkd"}, "dkd twice in --method=dkd,nkd"),
        (
            "own_student",
            {"method": "dkd,shallow_mimic"},
            "shallow_mimic in --method=dkd,shallow_mimic, which brings its own",
        ),
        (
            "live_teacher",
            {"method": "dkd,noisy_teacher", "cache": "a_cache"},
            "`--cache` must not be given with noisy_teacher.*Leave it out",
        ),
        (
            "stages",
            {"method": "dkd,fitnets", "epochs": 1},
            "`--epochs` must be 2 or more with fitnets",
        ),
        (
            "weight",
            {"method": "dkd,nkd", "loss_weight": 2.0},
            "`--loss_weight` must not be given with several methods.*=2 and "
            "--method=dkd,nkd. Leave it out, or name one",
        ),
        (
            "rate",
            {"method": "all", "learning_rate": 0.5},
            "`--learning_rate` must not be given with several methods.*=0.5",
        ),
        ("range", {"method": "all", "seeds": 0}, "`--seeds` must be 1 or more"),
    )
    def test_refuses(self, settings, message):
        with self.assertRaisesRegex(UnusableError, message):
            names(**settings)


if __name__ == "__main__":
    absltest.main()
