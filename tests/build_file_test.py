"""Executes BUILD, a subset of Python, with stub rules, and by Bazel.

Few machines have a Bazel; the stub rules keep its file from going stale.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
from absl.testing import absltest

from tests import support

ROOT = pathlib.Path(__file__).parents[1]


def glob(include, exclude=(), allow_empty=False):
    found = set(files(*include)) - set(files(*exclude))
    if not found and not allow_empty:
        raise ValueError(f"glob({include}) matches no file.")
    return sorted(found)


def files(*patterns):
    """Paths of all files that match, relative to the repository."""
    return [
        path.relative_to(ROOT).as_posix()
        for pattern in patterns
        for path in ROOT.glob(pattern)
        if path.is_file()
    ]


def read_build_file():
    """Returns the targets of BUILD: their attributes and rule, by name."""
    targets = {}

    def stub(rule):
        def declare(*, name, **attributes):
            if name in targets:
                raise ValueError(f"BUILD names two targets {name!r}.")
            targets[name] = {"rule": rule, **attributes}

        return declare

    def load(label, *rules):
        environment.update({rule: stub(rule) for rule in rules})

    environment = {
        "load": load,
        "glob": glob,
        "package": lambda default_visibility: None,
        "licenses": lambda kinds: None,
        "exports_files": lambda names: None,
    }
    exec((ROOT / "BUILD").read_text(), environment)
    return targets


class BuildFileTest(absltest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.targets = read_build_file()

    def attribute_of(self, rule, name):
        """All entries of a list attribute over all targets of a rule."""
        return {
            entry
            for target in self.targets.values()
            if target["rule"] == rule
            for entry in target.get(name, [])
        }

    def labels(self):
        return {
            label
            for target in self.targets.values()
            for name in ("srcs", "data", "deps")
            for label in target.get(name, [])
        }

    def test_every_module_is_in_a_library(self):
        listed = self.attribute_of("py_library", "srcs")
        self.assertEmpty(set(files("keras_kd/**/*.py")) - listed)

    def test_every_test_file_is_a_test(self):
        listed = self.attribute_of("py_test", "srcs")
        self.assertSetEqual(set(files("tests/**/*_test.py")), listed)

    def test_every_program_is_one_of_its_own_sources(self):
        rules = ("py_binary", "py_test")
        programs = [t for t in self.targets.values() if t["rule"] in rules]
        self.assertNotEmpty(programs)
        for target in programs:
            self.assertIn(target["main"], target["srcs"])

    def test_every_test_helper_is_in_test_support(self):
        helpers = set(files("tests/**/*.py")) - set(files("tests/**/*_test.py"))
        self.assertSetEqual(helpers, set(self.targets["test_support"]["srcs"]))

    def test_every_benchmark_and_tutorial_is_a_program(self):
        listed = self.attribute_of("py_binary", "srcs")
        # A tutorial is read from above, and has no `__main__`.
        scripts = {
            path
            for path in files("benchmarks/*.py", "tutorials/*.py")
            if "tutorials/" in path or "__main__" in (ROOT / path).read_text()
        }
        self.assertSetEqual(scripts | {"keras_kd_cli.py"}, listed)

    def test_every_test_file_runs_its_tests(self):
        silent = [
            path
            for path in files("tests/**/*_test.py")
            if not (ROOT / path).read_text().endswith("\n    absltest.main()\n")
        ]
        self.assertEmpty(silent)

    def test_every_part_of_a_benchmark_is_in_a_library(self):
        listed = self.attribute_of("py_library", "srcs")
        self.assertEmpty(set(files("benchmarks/*.py")) - listed)

    def test_local_labels_name_targets(self):
        local = {label[1:] for label in self.labels() if label[0] == ":"}
        self.assertEmpty(local - set(self.targets))

    def test_named_files_exist(self):
        named = {label for label in self.labels() if label[0] not in ":@"}
        self.assertEmpty([n for n in named if not (ROOT / n).is_file()])

    def test_packages_are_the_dependencies_of_pyproject(self):
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())
        declared = {
            re.match(r"[\w.-]+", requirement)[0].replace("-", "_")
            for requirement in project["project"]["dependencies"]
        }
        labels = self.targets["keras_kd"]["deps"]
        used = {label.removeprefix("@pypi//") for label in labels}
        self.assertSetEqual(declared, used)

    def test_the_modules_of_programs_are_in_the_wheel(self):
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())
        wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
        programs = project["project"]["scripts"].values()
        self.assertNotEmpty(programs)
        for program in programs:
            path = program.partition(":")[0].replace(".", "/") + ".py"
            self.assertIn(path, self.targets["keras_kd"]["srcs"])
            self.assertIn(path, wheel["only-include"])

    def test_no_folder_below_has_a_build_file(self):
        # It would start a package of its own and end the globs of this one.
        folders = ("keras_kd", "tests", "benchmarks", "tutorials")
        names = [f"{f}/**/{n}" for f in folders for n in ("BUILD", "BUILD.*")]
        self.assertEmpty(files(*names))


def run_bazel(*arguments, **environment):
    """Result of `scripts/bazel` with this Python."""
    return subprocess.run(
        [ROOT / "scripts/bazel", *arguments],
        env=os.environ | {"PYTHON": sys.executable} | environment,
        capture_output=True,
        text=True,
    )


class BazelTest(absltest.TestCase):
    @pytest.mark.slow
    @absltest.skipIf("TEST_SRCDIR" in os.environ, "Bazel runs this test.")
    def test_bazel_finds_the_targets_of_the_stub_rules(self):
        result = run_bazel("--list")
        if result.returncode == 2:
            self.skipTest(result.stderr)
        self.assertEqual(result.returncode, 0, result.stderr)
        expected = [f"//:{name}" for name in read_build_file()]
        self.assertCountEqual(result.stdout.split(), expected)

    def test_without_bazel_the_script_names_the_one_it_needs(self):
        folder = support.folder(self)
        (folder / "dirname").symlink_to(shutil.which("dirname"))
        result = run_bazel(PATH=str(folder))
        self.assertEqual(result.returncode, 2)
        self.assertIn("apt-get install", result.stderr)
        self.assertIn("Received: no bazel-4", result.stderr)


if __name__ == "__main__":
    absltest.main()
