import functools
import os
import pathlib
import re
from concurrent import futures
from unittest import mock

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd._core.files import write_text
from keras_kd.cli._bench.state import State
from keras_kd.cli._bench.state import finished_model
from keras_kd.cli._bench.state import prepare_folder
from keras_kd.cli._shell.errors import UnusableError
from tests import support


def file_in(test):
    path = support.folder(test) / "file"
    path.write_text("")
    return str(path)


class PrepareFolderTest(absltest.TestCase):
    def test_makes_the_folder_and_leaves_nothing_in_it(self):
        path = os.path.join(support.folder(self), "a", "b")
        prepare_folder(path)
        self.assertEqual(os.listdir(path), [])

    def test_rejects_a_folder_below_a_file(self):
        # For root too, who may write anywhere else.
        path = os.path.join(file_in(self), "results")
        with self.assertRaisesRegex(
            UnusableError,
            r"`--output` must be a folder that can be written to.*Received: "
            r"--output=.*results' \(Not a directory\)",
        ):
            prepare_folder(path)

    def test_rejects_a_file(self):
        with self.assertRaisesRegex(UnusableError, "File exists"):
            prepare_folder(file_in(self))


class StateTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = str(support.folder(self))

    def test_gives_back_what_was_saved(self):
        logits = np.arange(6.0).reshape(2, 3)
        State(self.folder, {"a": 1}).save("x", {"rate": 0.1}, {"l": logits})

        record, arrays = State(self.folder, {"a": 1}).load("x")

        self.assertEqual(record, {"rate": 0.1})
        np.testing.assert_array_equal(arrays["l"], logits)

    def test_has_nothing_that_was_not_saved(self):
        self.assertIsNone(State(self.folder, {}).load("x"))

    def test_rejects_another_job_and_names_the_difference(self):
        State(self.folder, {"epochs": 3, "method": "hints"})
        with self.assertRaisesRegex(
            UnusableError,
            "same job.*--epochs=3, now 4.*--overwrite",
        ):
            State(self.folder, {"epochs": 4, "method": "hints"})

    def test_names_another_flag_and_no_choice_that_is_not_there(self):
        State(self.folder, {"epochs": 3})
        with self.assertRaisesRegex(
            UnusableError,
            r"`--cache` must.*Received: --cache=.*such as --cache=\S+\.$",
        ):
            State(self.folder, {"epochs": 4}, overwrite=None, flag="cache")

    def test_another_data_set_is_named_without_digests(self):
        first = {"dataset": "digits", "data": "ab12cd", "fraction": 0.05}
        State(self.folder, first)
        second = {"dataset": "my/shapes/", "data": "34ef56", "fraction": 1.0}
        with self.assertRaises(UnusableError) as caught:
            State(self.folder, second)
        text = str(caught.exception)
        self.assertIn("a job with --dataset=digits, not my/shapes/.", text)
        self.assertNotRegex(text, "ab12cd|34ef56|fraction")
        # The remedy works.
        named = re.search(r"--output=(\S+_shapes), or", text)[1]
        self.assertFalse(os.path.exists(named))
        State(named, second)
        State(self.folder, second, overwrite=True)

    def test_proposes_a_folder_that_is_not_there(self):
        for name in ("", "_2", "_2_2"):
            os.makedirs(f"{self.folder}{name}", exist_ok=True)
        State(self.folder, {"epochs": 3})
        with self.assertRaisesRegex(UnusableError, "_2_3, or"):
            State(self.folder, {"epochs": 4})

    @parameterized.parameters(
        ("data", "ab12cd", "34ef56", "with other images. "),
        ("teacher", "a.keras ab12cd", "a.keras 34ef56", "model in --teacher=a"),
        ("teacher", None, "b.keras 34ef56", "--teacher=none, now b.keras. "),
        ("methods", ["a", "b"], ["a"], "--methods=a,b, now a. "),
        ("fixed", {}, {"temperature": 4.0}, "--temperature=none, now 4.0. "),
        ("command", None, "search", "a job of another command. "),
    )
    def test_says_what_differs_as_a_flag(self, name, old, new, expected):
        State(self.folder, {"dataset": "digits", name: old})
        with self.assertRaises(UnusableError) as caught:
            State(self.folder, {"dataset": "digits", name: new})
        self.assertIn(expected, str(caught.exception))
        self.assertNotRegex(str(caught.exception), "ab12cd|34ef56")

    def test_finds_the_model_of_any_job(self):
        self.assertIsNone(finished_model(self.folder, "x"))
        state = State(self.folder, {"epochs": 3})
        state.save("x", {}, {}, support.dense(4))
        path = finished_model(self.folder, "x")
        self.assertEqual(path, state.model_path("x"))
        support.dense(8).save(path)
        with self.assertRaisesRegex(ValueError, "x.keras' must be as it was"):
            finished_model(self.folder, "x")

    def test_overwrite_begins_anew(self):
        State(self.folder, {"epochs": 3}).save("x", {}, {})
        state = State(self.folder, {"epochs": 4}, overwrite=True)
        self.assertIsNone(state.load("x"))

    def test_overwrite_keeps_what_the_same_job_has_finished(self):
        # Or the same command, after an interruption, would not go on.
        State(self.folder, {"epochs": 3}, overwrite=True).save("x", {}, {})
        state = State(self.folder, {"epochs": 3}, overwrite=True)
        self.assertIsNotNone(state.load("x"))

    def test_what_else_belongs_to_a_job_is_discarded_before_it(self):
        State(self.folder, {"epochs": 3}).save("x", {}, {})
        discard = mock.Mock(side_effect=KeyboardInterrupt)
        with self.assertRaises(KeyboardInterrupt):
            State(self.folder, {"epochs": 4}, True, discard=discard)
        state = State(self.folder, {"epochs": 3}, True, discard=discard)
        self.assertIsNotNone(state.load("x"))
        discard.assert_called_once()

    def test_overwrite_leaves_the_files_of_the_user(self):
        path = os.path.join(self.folder, "notes.txt")
        write_text(path, "mine")
        State(self.folder, {"epochs": 3})
        State(self.folder, {"epochs": 4}, overwrite=True)
        self.assertTrue(os.path.exists(path))

    def test_overwrite_keeps_a_folder_with_something_else_in_it(self):
        for name in ("notes.txt", "mine.npz", "mine.keras"):
            folder = str(support.folder(self))
            State(folder, {"epochs": 3}).save("x", {}, {})
            path = os.path.join(folder, "state", name)
            write_text(path, "mine")
            with self.assertRaisesRegex(UnusableError, f"Received: {name}"):
                State(folder, {"epochs": 4}, overwrite=True)
            self.assertTrue(os.path.exists(path))
            self.assertIsNotNone(State(folder, {"epochs": 3}).load("x"))

    def test_a_folder_of_state_that_is_none_is_refused(self):
        os.mkdir(os.path.join(self.folder, "state"))
        write_text(os.path.join(self.folder, "state", "teacher.npz"), "mine")
        with self.assertRaisesRegex(
            UnusableError, "`--output` must have no other.*with teacher.npz"
        ):
            State(self.folder, {})

    def test_links_are_refused(self):
        elsewhere = support.folder(self)
        os.symlink(elsewhere, os.path.join(self.folder, "state"))
        with self.assertRaisesRegex(UnusableError, "state' must be no link"):
            State(self.folder, {})
        self.assertEmpty(os.listdir(elsewhere))

    def test_files_of_the_user_are_refused_and_ours_are_not(self):
        path = os.path.join(self.folder, "report.md")
        files = ("report.md",)
        State(self.folder, {}, files=files).outputs.write_text(
            "report.md", "ours"
        )
        State(self.folder, {}, files=files)
        with open(path, "a") as file:
            file.write(", with notes of mine")
        for identity, overwrite in (({}, False), ({"a": 1}, True)):
            with self.assertRaisesRegex(
                UnusableError, "no other files.*with report.md that keras-kd"
            ):
                State(self.folder, identity, overwrite, files=files)
        self.assertTrue(os.path.exists(path))

    def test_overwrite_removes_all_files_that_were_written(self):
        State(self.folder, {}).outputs.write_text("search.md", "ours")
        write_text(os.path.join(self.folder, "trials.csv"), "mine")
        State(self.folder, {"a": 1}, overwrite=True, files=("report.md",))
        self.assertCountEqual(os.listdir(self.folder), ["state", "trials.csv"])

    def test_damaged_parts_are_named_and_missing(self):
        state = State(self.folder, {})
        for name, end in (("x", ".npz"), ("x_seed0", ".keras")):
            state.save(name, {}, {"l": np.ones(3)}, support.dense(4))
            path = pathlib.Path(self.folder, "state", name + end)
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(bytes(content))
            with self.assertWarnsRegex(UserWarning, f"{path.name}.*made again"):
                self.assertIsNone(state.load(name))
            state.save(name, {}, {}, support.dense(4))
            self.assertIsNotNone(state.load(name))

    def test_a_job_of_an_older_version_is_refused_and_kept(self):
        path = pathlib.Path(self.folder, "state", "job.json")
        path.parent.mkdir()
        path.write_text('{"epochs": 3}')
        for overwrite in (False, True):
            with self.assertRaisesRegex(
                UnusableError, "`--output` must be.*older version of keras_kd"
            ):
                State(self.folder, {"epochs": 3}, overwrite)
        self.assertEqual(path.read_text(), '{"epochs": 3}')

    def test_others_are_refused_while_it_is_used(self):
        state = State(self.folder, {})
        with futures.ThreadPoolExecutor(1) as other:
            for overwrite in (False, True):
                begun = other.submit(State, self.folder, {"a": 1}, overwrite)
                with self.assertRaisesRegex(
                    UnusableError, f"one process.*{self.folder}.*process [0-9]"
                ):
                    begun.result()
            state.close()
            other.submit(State, self.folder, {}).result(9)

    def test_a_helper_of_the_job_reads_only(self):
        shared = functools.partial(State, self.folder, is_shared=True)
        with self.assertRaisesRegex(UnusableError, "without 'job.json'"):
            shared({})
        self.assertEmpty(os.listdir(self.folder))
        with futures.ThreadPoolExecutor(1) as other:
            state = other.submit(State, self.folder, {"a": 1}).result()
            state.save("x", {"b": 2}, {})
            helper = shared({"a": 1})
            self.assertEqual(helper.load("x")[0], {"b": 2})
            helper.close()
            with self.assertRaisesRegex(UnusableError, "a=1, now 2"):
                shared({"a": 2})

    def test_where_files_are_refused_nothing_begins(self):
        path = pathlib.Path(self.folder, "report.md")
        path.write_text("mine")
        for epochs in (1, 2):
            with self.assertRaisesRegex(UnusableError, "with report.md"):
                State(self.folder, {"epochs": epochs}, files=("report.md",))
        self.assertEqual(os.listdir(self.folder), ["report.md"])
        path.unlink()
        State(self.folder, {"epochs": 3}, files=("report.md",))

    def test_a_kill_between_a_model_and_its_record_leaves_no_part(self):
        model = support.dense(4)
        state = State(self.folder, {})
        state.save("x_seed0", {"a": 1}, {}, model)
        with mock.patch.object(np, "savez", side_effect=KeyboardInterrupt):
            with self.assertRaises(KeyboardInterrupt):
                state.save("x_seed0", {"a": 2}, {}, model)
        self.assertIsNone(State(self.folder, {}).load("x_seed0"))

    def test_where_files_are_refused_those_of_the_user_stay(self):
        mine = pathlib.Path(self.folder, "state", "mine")
        mine.mkdir(parents=True)
        (mine / "a.txt").write_text("mine")
        (mine.parent / "notes.txt").write_text("mine")
        pathlib.Path(self.folder, "report.md").write_text("mine")
        before = sorted(pathlib.Path(self.folder).rglob("*"))
        with self.assertRaisesRegex(UnusableError, "with report.md"):
            State(self.folder, {}, files=("report.md",))
        self.assertEqual(sorted(pathlib.Path(self.folder).rglob("*")), before)

    def test_half_a_file_does_not_count(self):
        state = State(self.folder, {})
        # What a kill in the middle of `save` leaves behind.
        write_text(os.path.join(self.folder, "state", "partial_x.npz"), "PK")
        self.assertIsNone(state.load("x"))


if __name__ == "__main__":
    absltest.main()
