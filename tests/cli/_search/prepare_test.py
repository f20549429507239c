import threading
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import search
from keras_kd import teachers
from keras_kd._core import files
from keras_kd.cli._bench import arms
from keras_kd.cli._bench import state
from keras_kd.cli._search import prepare
from keras_kd.cli._search import space
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.search import project
from tests import support
from tests.cli import small_jobs


class BeginTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = support.folder(self)
        self.net = small_jobs.net(name="theirs")
        self.teacher = small_jobs.save(self.folder, self.net)
        self.student = small_jobs.save(self.folder, self.net, "student.keras")
        self.output = self.folder / "output"

    def search(self, **settings):
        given = {
            "teacher": self.teacher,
            "student": self.student,
            "methods": ("soft_targets",),
            "max_trials": 1,
        }
        return small_jobs.search(self.output, **given | settings)

    def assert_refuses(self, regex, **settings):
        with mock.patch.object(arms.Bench, "lesson") as lesson:
            with self.assertRaisesRegex(UnusableError, regex):
                self.search(**settings)
        lesson.assert_not_called()

    def test_overwrite_begins_anew(self):
        self.search(max_trials=2)
        _, text = self.search(overwrite=True)
        self.assertRegex(
            text, r"\[1/1\] soft_targets: \d+\.\d %, best [\d.]+ %"
        )
        self.assertLen(search.results(self.output / "search"), 1)

    def test_the_tuner_folder_of_another_search(self):
        place = str(self.folder / "tuner")
        self.search(directory=place)
        self.output = self.folder / "another_output"
        self.assert_refuses(
            "`--directory` must be empty or hold the same run.*Received: "
            "--directory=.*tuner/search' with.*learning_rate=null, now 0.02",
            directory=place,
            learning_rate=0.02,
        )

    def test_overwrite_leaves_alone_what_is_none_of_a_search(self):
        folder = self.output / "search"
        folder.mkdir(parents=True)
        (folder / "mine.py").write_text("x = 1")
        self.assert_refuses(
            "hold nothing but what keras_kd.*mine.py", overwrite=True
        )
        self.assertTrue((folder / "mine.py").exists())

    @parameterized.parameters(False, True)
    def test_a_folder_that_another_search_uses(self, overwrite):
        held, done = threading.Event(), threading.Event()

        def use():
            folder = project.open_folder(self.output, "search")
            held.set()
            done.wait()
            del folder

        # A lock is that of a thread.
        thread = threading.Thread(target=use)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(done.set)
        self.assertTrue(held.wait(20))
        self.assert_refuses(
            "`--output` must be used by one process at a time.*Received: "
            "--output=.*search', which process",
            overwrite=overwrite,
        )

    def test_overwrite_throws_away_what_another_job_left(self):
        self.search()
        job = files.read_json(self.output / state.FOLDER / state.IDENTITY)
        outputs = state.State(self.output, job).outputs
        outputs.write_text("history.csv", "of a distillation")
        data = small_jobs.data(num_train=63)
        self.search(the_data=data, overwrite=True)
        self.assertFalse((self.output / "history.csv").exists())
        self.assertLen(search.results(self.output / "search"), 1)

    def test_overwrite_checks_the_cache_before_it_deletes_anything(self):
        self.search()
        (self.output / "teacher_cache" / "mine.txt").write_text("mine")
        before = sorted(self.output.rglob("*"))
        self.assert_refuses(
            "teacher_cache' must hold nothing but.*Received: mine.txt",
            the_data=small_jobs.data(num_train=63),
            overwrite=True,
        )
        self.assertEqual(sorted(self.output.rglob("*")), before)

    def test_overwrite_goes_on_after_a_kill_while_it_deletes(self):
        self.search()
        other = {"the_data": small_jobs.data(num_train=63), "overwrite": True}
        with mock.patch.object(
            prepare.CacheFolder, "remove", side_effect=KeyboardInterrupt
        ):
            with self.assertRaises(KeyboardInterrupt):
                self.search(**other)
        self.search(**other)
        cached = teachers.CachedTeacher(self.output / "teacher_cache")
        self.assertEqual(cached.num_examples, 63)

    def test_files_of_the_user_are_not_written_over(self):
        self.output.mkdir()
        (self.output / "search.md").write_text("mine")
        for overwrite in (False, True):
            self.assert_refuses(
                "no other files of the names.*with search.md that keras-kd has",
                overwrite=overwrite,
            )
        self.assertEqual((self.output / "search.md").read_text(), "mine")

    def test_models_without_maps_leave_out_attention(self):
        found, _ = self.search(methods=None)
        self.assertEqual(
            found.hypermodel.knobs["method"].values,
            ("soft_targets", "hints_and_soft_targets"),
        )
        self.assertIn("--teacher=", found.command)
        self.assertIn("--student=", found.command)

    def test_a_method_that_was_named_is_not_left_out(self):
        self.assert_refuses(
            "`--methods` must be one that compares outputs, since the model "
            '"theirs" has no feature maps',
            methods=("soft_targets", "attention_transfer"),
        )

    def test_nothing_is_left_to_search(self):
        self.assert_refuses(
            "At least one flag must be left to search. Received: --methods="
            "hints --loss_weight=1.0 --student_loss_weight=0.5 "
            "--learning_rate=0.1",
            methods=("hints",),
            loss_weight=1.0,
            student_loss_weight=0.5,
            learning_rate=0.1,
        )

    def test_to_go_on_where_there_is_nothing(self):
        self.assert_refuses(
            "`--resume` must not be given where.*Received: --resume, and no "
            "folder .*search. Leave it out",
            resume=True,
        )

    def test_a_damaged_journal(self):
        self.search()
        (self.output / "search" / "journal.json").write_text("{")
        self.assert_refuses("is damaged.*journal.json.*begin anew with `--over")

    def test_a_cache_without_a_layer(self):
        cache = str(self.folder / "cache")
        small_jobs.cache(cache, teacher=self.teacher)
        self.assert_refuses(
            "`--cache` must hold every layer of the teacher that --methods="
            "soft_targets,hints looks at.*Received: --cache=.*without hidden",
            cache=cache,
            methods=("soft_targets", "hints"),
        )

    def test_a_search_in_which_all_fails_says_why(self):
        with mock.patch.object(
            space.FlagHyperModel, "fit", side_effect=OSError("disk full")
        ):
            with self.assertRaisesRegex(
                RuntimeError, "(?s)No trial.*disk full"
            ):
                self.search()


class AwaitChiefTest(absltest.TestCase):
    def test_waits_until_the_cache_is_there(self):
        folder, lines = support.folder(self), []
        state.State(folder, {})
        with mock.patch.object(
            prepare.caching, "is_complete", side_effect=[False, True]
        ):
            prepare.await_chief(
                folder, "cache", lines.append, sleep=lambda _: None
            )
        self.assertEqual(
            lines, ["Waiting for the chief to write the cache in cache."]
        )

    def test_waits_until_the_job_has_begun(self):
        # With `--cache=`, the cache may be there before.
        folder, lines = support.folder(self), []
        with mock.patch.object(prepare.caching, "is_complete") as is_complete:
            prepare.await_chief(
                folder,
                "cache",
                lines.append,
                sleep=lambda _: state.State(folder, {}),
            )
        self.assertEqual(
            lines, [f"Waiting for the chief to write the job in {folder}."]
        )
        is_complete.assert_called_once()

    def test_gives_up(self):
        with self.assertRaisesRegex(
            UnusableError,
            "(?s)A worker needs.*Received: after 3 s, no job in.*yet. Start "
            "the same command with KERASTUNER_TUNER_ID=chief",
        ):
            prepare.await_chief(
                support.folder(self), "cache", str, 3, sleep=lambda _: None
            )


support.mark_slow(BeginTest, "test_overwrite", but=["none_of_a_search"])
support.mark_slow(BeginTest, "test_the_tuner_folder")
support.mark_slow(BeginTest, "test_a_damaged_journal")
support.mark_slow(BeginTest, "test_models_without_maps")


if __name__ == "__main__":
    absltest.main()
