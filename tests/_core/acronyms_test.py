from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd import losses
from keras_kd._core.acronyms import ACRONYMS


def stands_for(known):
    """What an acronym stands for, a class or function."""
    module, name = known.name.split("(")[0].split(".")
    return getattr(getattr(keras_kd, module), name)


class AcronymsTest(parameterized.TestCase):
    @parameterized.parameters(*ACRONYMS)
    def test_the_docstring_names_the_acronym_and_the_paper(self, acronym):
        known = ACRONYMS[acronym]
        text = stands_for(known).__doc__
        self.assertIn(f"({acronym}", text)
        self.assertIn(known.paper.split()[-1], " ".join(text.split()))

    @parameterized.parameters("DKD", "dkd", "Taid", "LS")
    def test_asking_for_an_acronym_names_the_class(self, acronym):
        known = ACRONYMS[acronym.upper()]
        with self.assertRaises(AttributeError) as caught:
            getattr(losses, acronym)
        self.assertEndsWith(
            str(caught.exception),
            f"keras_kd.losses.{acronym}. Use `keras_kd.{known.name}`.",
        )

    def test_other_names_are_unknown_as_ever(self):
        with self.assertRaisesRegex(
            AttributeError, "module 'keras_kd.losses' has no attribute 'Hnt'"
        ):
            losses.Hnt  # noqa: B018


if __name__ == "__main__":
    absltest.main()
