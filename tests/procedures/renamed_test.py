"""Names that were changed still work, and warn."""

from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import procedures


class RenamedTest(parameterized.TestCase):
    @parameterized.parameters(
        ("Classification", "ClassificationTask"),
        ("Labelling", "CoTrainingLabel"),
        ("Objects", "ObjectPeaksTask"),
    )
    def test_the_old_name_is_the_new_class(self, old, new):
        with self.assertWarnsRegex(
            DeprecationWarning, f"`procedures.{old}` is called .*{new}"
        ):
            found = getattr(procedures, old)
        self.assertIs(found, getattr(procedures, new))

    def test_another_name_is_an_attribute_error(self):
        with self.assertRaisesRegex(AttributeError, "no attribute 'Nothing'"):
            procedures.Nothing  # noqa: B018


if __name__ == "__main__":
    absltest.main()
