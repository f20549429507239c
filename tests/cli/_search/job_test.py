import dataclasses
import os
import shlex
import socket
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.cli import distill
from keras_kd.cli._bench import data_sets
from keras_kd.cli._search import job
from keras_kd.cli._search.settings import VARIABLES
from keras_kd.cli._search.settings import SearchSettings
from keras_kd.cli._shell import launch
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.cli._shell.settings import Settings
from keras_kd.cli._shell.settings import resolve
from tests import support

# A fifth of 240 images is held out.
TUNING = mock.Mock(train_labels=range(192))


def filled(settings):
    return data_sets.fill_in(resolve(settings), TUNING)


class DistillLineTest(parameterized.TestCase):
    @parameterized.parameters(
        dict(),
        dict(dataset="my shapes"),
        dict(dataset="mine", image_size="48x64", limit=200, data_dir="here"),
        dict(dataset="mine", batch_size=16),
        dict(dataset="mine", epochs=10, fraction=0.05),
        dict(epochs=50, fraction=1.0, learning_rate=0.002, temperature=3.0),
    )
    def test_the_command_has_the_settings_of_the_trial(self, **given):
        chosen = filled(Settings(**given))
        line = job.distill_line(chosen, SearchSettings(output="out"), TUNING)
        program, command, *arguments = shlex.split(line)
        self.assertEqual((program, command), ("keras-kd", "distill"))
        values = distill.make_flags()
        launch.parse("distill", values, arguments)
        found = filled(Settings(**launch.given(values, Settings)))
        self.assertEqual(
            found, dataclasses.replace(chosen, output=found.output)
        )

    def test_defaults_are_left_out(self):
        for dataset in ("digits", "mine"):
            chosen = filled(Settings(dataset=dataset))
            line = job.distill_line(chosen, SearchSettings(), TUNING)
            self.assertNotRegex(line, "--(epochs|fraction|limit|image_size)")


class ChiefTest(absltest.TestCase):
    def test_refuses_a_port_that_is_taken(self):
        folder = support.folder(self)
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = "127.0.0.1", str(server.getsockname()[1])
            variables = dict(zip(VARIABLES, ("chief", *address), strict=True))
            with mock.patch.dict(os.environ, variables):
                with self.assertRaisesRegex(
                    UnusableError, f"nobody else.*PORT={address[1]}"
                ):
                    job.run(SearchSettings(output=str(folder)))
        self.assertEmpty(list(folder.iterdir()))


if __name__ == "__main__":
    absltest.main()
