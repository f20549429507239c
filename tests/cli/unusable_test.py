import os
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.cli._bench import cache_job
from keras_kd.cli._bench import job
from keras_kd.cli._search import job as search_job
from keras_kd.cli._search import processes
from keras_kd.cli._shell import launch
from keras_kd.cli._shell.errors import UNUSABLE
from tests import support
from tests.cli.calls import call


class UnusableTest(parameterized.TestCase):
    def assert_unusable(self, regex, *arguments):
        with (
            mock.patch.object(job, "run") as run,
            mock.patch.object(cache_job, "run", run),
            mock.patch.object(search_job, "run", run),
            mock.patch.object(processes, "supervise", run),
        ):
            code, _, errors = call(*arguments)
        run.assert_not_called()
        self.assertEqual(code, UNUSABLE)
        self.assertRegex(" ".join(errors.split()), regex)

    def test_unknown_command(self):
        self.assert_unusable(
            "must be one of cache, distill, export, methods, search. Received: "
            "distil. Did you mean distill",
            "distil",
        )

    def test_unknown_flag(self):
        self.assert_unusable(
            "flag 'epoch'. Did you mean: epochs", "distill", "--epoch=3"
        )

    @parameterized.parameters(
        ("epochs", "many", "a whole number, such as --epochs=10"),
        ("epochs", "1.5", "a whole number, such as --epochs=10"),
        ("seeds", "a: b", "a whole number, such as --seeds=10"),
        ("temperature", "hot", "a number, such as --temperature=0.5"),
        ("overwrite", "2", "given alone, or as --overwrite=true or "),
    )
    def test_value_of_another_type(self, name, value, rule):
        self.assert_unusable(
            f"^keras-kd: `--{name}` must be {rule}.*Received: --{name}={value}"
            r"\.$",
            "distill",
            f"--{name}={value}",
        )

    def test_argument_that_is_no_flag(self):
        self.assert_unusable(
            "must be flags, --name=value. Received: digits", "distill", "digits"
        )

    def test_value_out_of_range(self):
        self.assert_unusable(
            "`--temperature` must be above 0.*Received: --temperature=-1",
            "distill",
            "--temperature=-1",
        )

    @parameterized.parameters(
        ("top_k", "0", "`--top_k` must be 1 or more.*Received: --top_k=0"),
        ("batch_size", "0", "`--batch_size` must be 1 or.*--batch_size=0"),
        ("dtype", "int8", "be one of float16, float32. Received: --dtype=int8"),
        ("epochs", "0", "`--epochs` must be 1 or more"),
        ("teacher", "none.keras", "`--teacher` must be a saved.*none.keras"),
    )
    def test_value_that_no_cache_can_have(self, name, value, regex):
        self.assert_unusable(regex, "cache", f"--{name}={value}")

    @parameterized.parameters(
        ("tuner", "rand", "`--tuner` must be one of.*--tuner=rand. .*random"),
        ("methods", "", "`--methods` must name one method"),
        ("methods", "fitnets", "Received: fitnets in --methods=fitnets"),
        ("workers", "17", "`--workers` must not be more than.*--max_trials=16"),
        (
            "max_trials",
            "many",
            "a whole number, .* Received: --max_trials=many",
        ),
    )
    def test_value_that_no_search_can_have(self, name, value, regex):
        self.assert_unusable(regex, "search", f"--{name}={value}")

    def test_unknown_method(self):
        self.assert_unusable(
            "Received: --method=hint. Did you mean hints",
            "distill",
            "--method=hint",
        )

    def test_flags_of_methods(self):
        self.assert_unusable("Unknown.*'all'", "methods", "--all")

    def test_other_backend(self):
        with mock.patch.dict(os.environ, KERAS_BACKEND="numpy"):
            self.assert_unusable(
                "`KERAS_BACKEND` must be tensorflow, jax or torch.*Received: "
                "KERAS_BACKEND=numpy. Unset",
                "distill",
            )

    def test_backend_that_is_not_installed(self):
        with (
            mock.patch.dict(os.environ, KERAS_BACKEND="jax"),
            mock.patch.object(
                launch.importlib.util, "find_spec", lambda _: None
            ),
        ):
            self.assert_unusable(
                "`KERAS_BACKEND` must be .* installed. Received: "
                "KERAS_BACKEND=jax. Run `pip install jax`",
                "distill",
            )

    def test_strategy_of_tensorflow_on_another_backend(self):
        with mock.patch.dict(os.environ, KERAS_BACKEND="torch"):
            self.assert_unusable(
                "`--strategy` must be one_device.*Received: "
                "--strategy=mirrored and KERAS_BACKEND=torch",
                "search",
                "--strategy=mirrored",
            )

    def test_unknown_dataset(self):
        output = support.folder(self) / "output"
        code, _, errors = call(
            "distill", "--dataset=mnits", f"--output={output}"
        )
        self.assertEqual(code, UNUSABLE)
        self.assertRegex(errors, "Received: .*mnits")
        self.assertIn("mnist", errors)

    def test_output_that_cannot_be_written(self):
        file = support.folder(self) / "file"
        file.write_text("")
        code, _, errors = call("distill", f"--output={file}/below")
        self.assertEqual(code, UNUSABLE)
        self.assertRegex(errors, "`--output` must be a folder.*Received")


if __name__ == "__main__":
    absltest.main()
