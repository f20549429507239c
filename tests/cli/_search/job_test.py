"""What a search refuses before it reads data or trains a teacher."""

import os
import socket
from unittest import mock

from absl.testing import absltest

from keras_kd.cli._search import job
from keras_kd.cli._search.settings import VARIABLES
from keras_kd.cli._search.settings import SearchSettings
from keras_kd.cli._shell.errors import UnusableError
from tests import support


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
