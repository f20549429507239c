import io

import numpy as np
from absl.testing import absltest

from keras_kd import report

CURVES = {
    "alone": [[0.5, 0.6, 0.7], [0.4, 0.6, 0.8]],
    "distilled": [[0.6, 0.7, 0.8], [0.6, 0.8, 0.9]],
}


def labels(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def written(figure):
    """Bytes of the picture, which also lays it out."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


class PlotsTest(absltest.TestCase):
    def test_learning_curves_draw_the_mean_of_the_seeds_in_percent(self):
        figure = report.learning_curves(CURVES, teacher_accuracy=0.95)
        (axes,) = figure.axes
        np.testing.assert_allclose(axes.lines[0].get_ydata(), [45, 60, 75])
        np.testing.assert_allclose(axes.lines[0].get_xdata(), [1, 2, 3])
        np.testing.assert_allclose(axes.lines[2].get_ydata(), 95)
        self.assertEqual(
            labels(axes), ["alone (2 seeds)", "distilled (2 seeds)", "teacher"]
        )

    def test_accuracy_stands_over_parameters(self):
        figure = report.accuracy_against_parameters(
            {"teacher": (1000, [0.9]), "student": (100, [0.7, 0.9])}
        )
        (axes,) = figure.axes
        self.assertEqual(axes.get_xscale(), "log")
        self.assertEqual(labels(axes), ["teacher: 90.0 %", "student: 80.0 %"])

    def test_reliability_diagram_draws_accuracy_over_confidence(self):
        # Sure by .75 and right in half.
        bins = report.reliability([0, 1], [[0.75, 0.25]] * 2)
        figure = report.reliability_diagram({"student": bins})
        upper, lower = figure.axes
        _, curve = upper.lines
        np.testing.assert_allclose(curve.get_xdata(), [75])
        np.testing.assert_allclose(curve.get_ydata(), [50])
        np.testing.assert_allclose(lower.lines[0].get_ydata(), [100])

    def test_reliability_diagram_leaves_out_bins_of_a_handful(self):
        # One example of 300 is not sure of itself.
        bins = report.reliability([0] * 300, [[0.9, 0.1]] * 299 + [[0.5, 0.5]])
        upper, _ = report.reliability_diagram({"student": bins}).axes
        np.testing.assert_allclose(upper.lines[1].get_xdata(), [90])

    def test_models_of_one_size_stand_side_by_side(self):
        figure = report.accuracy_against_parameters(
            {"alone": (100, [0.7]), "distilled": (100, [0.7])}
        )
        first, second = (
            line.get_xdata()[0] for line in figure.axes[0].lines[:2]
        )
        self.assertLess(first, second)

    def test_every_picture_can_be_written_and_names_its_axes(self):
        bins = report.reliability([0], [[0.75, 0.25]])
        for figure in (
            report.learning_curves({"alone": [[0.5]]}),
            report.accuracy_against_parameters({"alone": (10, [0.5])}),
            report.reliability_diagram({"alone": bins}),
        ):
            self.assertStartsWith(written(figure), b"\x89PNG")
            for axes in figure.axes:
                self.assertNotEmpty(axes.get_ylabel())
            self.assertNotEmpty(figure.axes[-1].get_xlabel())


if __name__ == "__main__":
    absltest.main()
