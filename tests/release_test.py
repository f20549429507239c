"""What goes out: the version, its changes, and how it is installed."""

import importlib.resources
import re
import tomllib

from absl.testing import absltest

import keras_kd
from tests import pages

PROJECT = tomllib.loads(pages.text("pyproject.toml"))["project"]


class ReleaseTest(absltest.TestCase):
    def test_the_changes_on_top_are_those_of_this_version(self):
        versions = re.findall(
            r"^## \[(.*?)\]", pages.text("CHANGELOG.md"), re.MULTILINE
        )
        self.assertEqual(versions[0], keras_kd.__version__)

    def test_the_readme_begins_with_the_name_in_the_index(self):
        first, *_ = pages.code_blocks(pages.text("README.md"), "sh")
        self.assertEqual(first, f"pip install {PROJECT['name']}\n")

    def test_the_package_says_that_it_has_types(self):
        package = importlib.resources.files(keras_kd)
        self.assertTrue(package.joinpath("py.typed").is_file())
        self.assertIn("Typing :: Typed", PROJECT["classifiers"])

    def test_the_oldest_python_is_among_the_classifiers(self):
        oldest = PROJECT["requires-python"].removeprefix(">=")
        minors = [
            name.rpartition(" ")[2]
            for name in PROJECT["classifiers"]
            if re.match(r"Programming Language :: Python :: 3\.", name)
        ]
        self.assertEqual(minors[0], oldest)


if __name__ == "__main__":
    absltest.main()
