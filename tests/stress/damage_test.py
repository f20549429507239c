"""Damages what the library has written, in every way, and goes on.

Nothing damaged may be used: it is made again, with a warning, or refused, by
name. The number of damages is small here; `scripts/stress 20` makes a hundred.
"""

import collections
import pathlib
import random
import re
import shutil
import tempfile
import warnings

import keras
import numpy as np
import pytest
from absl.testing import absltest

from tests.stress import cache_writer
from tests.stress import damage
from tests.stress import kept_folders

pytestmark = pytest.mark.slow

DAMAGES = 5 * cache_writer.repetitions(few=2)
_NUMBERS = re.compile(r"[0-9a-f]{16}|\d+")


class Ended:
    """How the library went on.

    Attributes:
        result: What it gave, or `None`.
        error: What it raised, or `None`.
        said: Texts of the warnings and of the error.
    """

    def __init__(self, kind, folder):
        self.result = self.error = None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                self.result = kept_folders.quietly(kind.use, folder)
            except Exception as error:  # Each is judged below.
                self.error = error
        self.said = [str(one.message) for one in caught]
        if self.error is not None:
            self.said.append(str(self.error))

    def names(self, paths):
        """Whether one of the files was named."""
        return any(path.name in text for path in paths for text in self.said)


def groups(folder):
    """Lists of paths of one kind, and what may happen to them."""
    found = collections.defaultdict(list)
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        found[path.is_dir(), _NUMBERS.sub("#", name)].append(path)
    return [
        (paths, change)
        for (is_folder, _), paths in found.items()
        for change in (damage.FOLDERS if is_folder else damage.FILES)
    ]


class DamageTest(absltest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        root = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.root = pathlib.Path(root)
        cls.chance = random.Random(0)
        cls.kept = {}

    def copy(self, whole):
        """A copy of a folder, with a file of the user."""
        for name in (damage.USED, "elsewhere"):
            path = self.root / name
            if path.is_dir():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)
        shutil.copytree(whole, self.root / damage.USED)
        (self.root / damage.USED / "mine.txt").write_text("mine")
        return self.root / damage.USED

    def whole(self, name):
        """A folder as it was written, its result, and what may happen to it."""
        if name not in self.kept:
            kind, folder = kept_folders.KINDS[name], self.root / name
            folder.mkdir()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                kept_folders.quietly(kind.fill, folder)
            ended = Ended(kind, self.copy(folder))
            self.assertIsNone(ended.error)
            shutil.copytree(self.root / damage.USED, self.end_of(name))
            plans = groups(folder)
            self.chance.shuffle(plans)
            self.kept[name] = folder, ended.result, plans
        return self.kept[name]

    def end_of(self, name):
        """The folder after the library has gone on in it."""
        return self.root / f"{name}_end"

    def others(self, name, path, change):
        """Files that a change may take in place of one; `None` if none fit."""
        folder, _, _ = self.whole(name)
        if change is damage.swap:
            found = folder.rglob(f"*{path.suffix}")
            found = [one for one in sorted(found) if one.suffix == path.suffix]
        elif change is damage.other_time:
            found = [self.end_of(name) / path.relative_to(folder)]
        else:
            return []
        return [
            one
            for one in found
            if one.is_file() and one.read_bytes() != path.read_bytes()
        ] or None

    def damaged(self, name):
        """Damages one file; returns the paths that were changed."""
        folder, _, plans = self.whole(name)
        while True:
            paths, change = plans.pop()
            path = self.chance.choice(paths)
            others = self.others(name, path, change)
            if others is None:
                continue
            # Of a model, another valid file is another model.
            of_keras = kept_folders.KINDS[name].of_keras
            if change is damage.wrong and of_keras and path.suffix == ".keras":
                continue
            if path.is_file() and not path.stat().st_size:
                continue
            used = self.copy(folder)
            changed = [used / path.relative_to(folder)]
            if change is damage.swap:
                others = [used / self.chance.choice(others).relative_to(folder)]
                changed += others
            change(changed[0], self.chance, others)
            what = f"{name}: {change.__name__} of {path.relative_to(folder)}"
            return what, change, changed

    def assert_same(self, result, expected, what):
        ours, theirs = keras.tree.flatten(result), keras.tree.flatten(expected)
        self.assertEqual(len(ours), len(theirs), what)
        for mine, its in zip(ours, theirs, strict=True):
            mine, its = np.asarray(mine), np.asarray(its)
            if its.dtype.kind == "f":
                np.testing.assert_allclose(
                    mine, its, rtol=1e-5, atol=1e-6, err_msg=what
                )
            else:
                np.testing.assert_array_equal(mine, its, what)

    def judge(self, name, what, change, changed):
        """Goes on after a damage; returns how that ended."""
        folder, expected, _ = self.whole(name)
        kind, used = kept_folders.KINDS[name], self.root / damage.USED
        target = changed[0]
        is_same = target.is_symlink() and target.exists()
        ended = Ended(kind, used)
        what = f"{what}: {ended.said}"
        self.assertEqual((used / "mine.txt").read_text(), "mine", what)
        if ended.error is not None:
            is_ours = isinstance(ended.error, ValueError)
            is_right = is_ours and ended.names(changed)
            self.assertTrue(is_right or kind.of_keras, what)
            for path in changed:
                self.put_back(folder, path)
            again = Ended(kind, used)
            self.assertIsNone(again.error, f"{what} then {again.said}")
            self.assert_same(again.result, expected, what)
            return "refused"
        self.assert_same(ended.result, expected, what)
        if ended.names(changed):
            again = Ended(kind, used)
            self.assert_same(again.result, expected, what)
            self.assertFalse(again.names(changed), f"{what} then {again.said}")
            return "made again"
        path = target.relative_to(used).as_posix()
        # Of these there is nothing to name: it may never have been otherwise.
        is_whole = change in (
            damage.delete,
            damage.delete_folder,
            damage.other_time,
        )
        is_unread = re.fullmatch(kind.unread, path) or kind.of_keras
        self.assertTrue(is_same or is_whole or is_unread, what)
        return "right"

    def put_back(self, folder, path):
        """Restores a file or a folder from a copy."""
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        source = folder / path.relative_to(self.root / damage.USED)
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, path)

    def test_nothing_damaged_is_used_and_all_of_it_is_named(self):
        names = sorted(kept_folders.KINDS)
        self.chance.shuffle(names)
        counts = collections.defaultdict(collections.Counter)
        for number in range(DAMAGES):
            name = names[number % len(names)]
            if not self.whole(name)[-1]:
                continue
            what, change, changed = self.damaged(name)
            how = "fault"
            with self.subTest(what):
                how = self.judge(name, what, change, changed)
            for whose in ("all", name, change.__name__):
                counts[whose][how] += 1
        for whose, hows in counts.items():
            print(whose, dict(hows))
        ways = {"right", "refused", "made again"}
        self.assertContainsSubset(counts["all"], ways)
        if DAMAGES >= 100:
            # A few may miss one of them.
            self.assertLen(counts["all"], len(ways))


if __name__ == "__main__":
    absltest.main()
