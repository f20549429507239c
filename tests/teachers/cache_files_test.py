"""The files of a cache: which are touched, and which are the user's."""

import shutil

from absl.testing import absltest

from keras_kd.teachers import CachedTeacher
from keras_kd.teachers import cache_teacher
from keras_kd.teachers._cache import records
from keras_kd.teachers._cache.records import MANIFEST
from tests import support

TEACHER = support.dense(8, name="teacher")


class CacheFilesTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = support.folder(self)
        self.mine = support.folder(self) / "mine.txt"
        self.mine.write_text("mine")
        self.x, self.y = support.data(40)

    def cache(self):
        return cache_teacher(
            TEACHER,
            self.x,
            self.folder,
            batch_size=8,
            examples_per_shard=16,
            verbose=0,
        )

    def assert_refuses(self, regex):
        with self.assertRaisesRegex(ValueError, regex):
            self.cache()
        self.assertEqual(self.mine.read_text(), "mine")

    def test_a_lock_that_is_a_link_is_refused_and_not_followed(self):
        (self.folder / "lock").symlink_to(self.mine)
        self.assert_refuses("lock' must be a file.*a link to .*mine.txt")
        self.assertEqual(len(list(self.folder.iterdir())), 1)

    def test_a_lock_that_leads_nowhere_makes_no_file(self):
        target = self.mine.with_name("new.txt")
        (self.folder / "lock").symlink_to(target)
        self.assert_refuses("lock' must be a file")
        self.assertFalse(target.exists())

    def test_a_lock_of_the_user_is_not_emptied(self):
        (self.folder / "lock").write_text("mine")
        self.cache()
        self.assertEqual((self.folder / "lock").read_text(), "mine")

    def test_a_plan_that_is_a_link_is_refused(self):
        (self.folder / "plan.json").symlink_to(self.mine.with_name("new"))
        self.assert_refuses("plan.json' must be a file")

    def test_only_unfinished_shards_are_cleared(self):
        theirs = self.folder / "films.part-1.rar"
        ours = self.folder / "view-0000-shard-00001.part-4194305"
        for path in (theirs, ours):
            path.write_text("")
        self.cache()
        self.assertTrue(theirs.exists())
        self.assertFalse(ours.exists())

    def test_shards_behind_links_can_be_read(self):
        # As data version control lays them out.
        self.cache()
        store = support.folder(self)
        for path in self.folder.glob("*.tfrecord"):
            path.rename(store / path.name)
            path.symlink_to(store / path.name)
        self.assertEqual(CachedTeacher(self.folder).num_examples, 40)

    def test_the_plan_and_the_manifest_are_told_apart(self):
        self.cache()
        names = ("plan.json", "manifest.json")
        for name, other in (names, names[::-1]):
            folder = support.folder(self) / "cache"
            shutil.copytree(self.folder, folder)
            shutil.copyfile(self.folder / other, folder / name)
            with self.assertRaisesRegex(ValueError, f"`{name}` must be as it"):
                CachedTeacher(folder)

    def test_a_shard_of_another_teacher_is_not_taken_over(self):
        self.cache()
        other = support.folder(self)
        cache_teacher(
            support.dense(8),
            self.x,
            other,
            batch_size=8,
            examples_per_shard=16,
            verbose=0,
        )
        (mine,) = self.folder.glob("view-0000-shard-00001-*")
        (its,) = other.glob("view-0000-shard-00001-*")
        mine.unlink()
        shutil.copyfile(its, self.folder / its.name)
        self.assert_refuses(f"other values of output.*{its.name}.*delete it")
        (self.folder / its.name).unlink()
        self.assertEqual(self.cache().num_examples, 40)
        self.assertTrue(mine.exists())

    def test_a_finished_cache_of_no_example_is_refused(self):
        self.cache()
        path = self.folder / MANIFEST
        empty = records.read(path) | {"examples": 0, "shards": []}
        records.write(path, empty)
        for open_it in (self.cache, lambda: CachedTeacher(self.folder)):
            with self.assertRaisesRegex(
                ValueError, "`directory` must hold.*least one.*Received: 0 exam"
            ):
                open_it()


if __name__ == "__main__":
    absltest.main()
