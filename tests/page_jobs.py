"""The jobs on a page: what they share, and the code of each."""

import pathlib
import re
import tempfile
from unittest import mock

import keras

import keras_kd
from tests import pages
from tests import reference
from tests import support


def sections(page):
    """The beginning of a page and its sections, as text."""
    return re.split(r"^## ", pages.text(page), flags=re.MULTILINE)


class Jobs:
    """Runs what the jobs share once, and each job once, from there.

    Attributes:
        shared: What they share, by name.
        folder: Where they run.

    Args:
        page: Path of the page of jobs.
        folder: See above.
    """

    def __init__(self, page, folder):
        self.folder = pathlib.Path(folder)
        self.shared = {}
        self._done = {}
        for code in pages.code_blocks(sections(page)[0]):
            pages.run(code, self.folder, self.shared)

    def run(self, code):
        """Runs a job, or finds its result.

        Returns:
            Its names, the student's weights before each `fit` and after the
            last, and the logs of each.
        """
        if code not in self._done:
            self._done[code] = self._run(code)
        return self._done[code]

    def evaluated(self, code, x, y, count):
        """Evaluates a job on its first examples.

        Args:
            code: That of the job.
            x: Name of the input.
            y: Name of the labels.
            count: Number of examples.

        Returns:
            Logs, labels, and logits of the teacher and the student.
        """
        names, *_ = self.run(code)
        x, y = names[x][:count], names[y][:count]
        distiller = names["distiller"]
        logs = support.evaluated(distiller, x, y)
        models = distiller.teacher, distiller.student
        return logs, y, *(reference.float64(model(x)) for model in models)

    def _run(self, code):
        keras.utils.set_random_seed(0)
        names, weights, logs = dict(self.shared), [], []
        fit = keras_kd.Distiller.fit

        def recorded(distiller, *args, **kwargs):
            weights.append(support.values(distiller.student.weights))
            history = fit(distiller, *args, **kwargs)
            logs.append(history.history)
            return history

        with mock.patch.object(keras_kd.Distiller, "fit", recorded):
            pages.run(code, self.folder, names)
        weights.append(support.values(names["distiller"].student.weights))
        return names, weights, logs


def jobs_of(test_class, page):
    """The jobs that the tests of a class run, in a folder of its own."""
    folder = test_class.enterClassContext(tempfile.TemporaryDirectory())
    return Jobs(page, folder)
