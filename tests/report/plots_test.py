import io

import numpy as np
from absl.testing import absltest

from keras_kd import report
from tests.report import text_boxes

CURVES = {
    "alone": [[0.5, 0.6, 0.7], [0.4, 0.6, 0.8]],
    "distilled": [[0.6, 0.7, 0.8], [0.6, 0.8, 0.9]],
}


def labels(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def interval(mean, low, high):
    """The interval of a gain, with enough examples in dispute."""
    spread = report.Spread(3, 100, 0.1, 0.1, 0.1, 50)
    return report.Interval(mean, low, high, 0.95, 3, spread=spread)


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
            labels(figure),
            ["alone (2 seeds)", "distilled (2 seeds)", "teacher"],
        )

    def test_accuracy_stands_over_parameters(self):
        figure = report.accuracy_against_parameters(
            {"teacher": (1000, [0.9]), "student": (100, [0.7, 0.9])}
        )
        (axes,) = figure.axes
        self.assertEqual(axes.get_xscale(), "log")
        self.assertEqual(labels(figure), ["teacher: 90.0 %", "student: 80.0 %"])

    def test_gain_stands_over_cost_with_its_interval(self):
        gains = interval(0.02, 0.01, 0.03), interval(-0.01, -0.02, 0.01)
        figure = report.gain_against_cost(
            {"dkd": (1.5, gains[0]), "crd": (3.0, gains[1])}
        )
        (axes,) = figure.axes
        first, second = axes.containers
        for one, place, mean, ends in (
            (first, 1.5, 2, (1, 3)),
            (second, 3.0, -1, (-2, 1)),
        ):
            point, _, (bar,) = one
            np.testing.assert_allclose(point.get_xydata(), [[place, mean]])
            np.testing.assert_allclose(bar.get_segments()[0][:, 1], ends)
        self.assertEqual(labels(figure), ["dkd: +2.0", "crd: -1.0"])
        self.assertNotEqual(first[0].get_color(), second[0].get_color())

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

    def test_models_of_one_size_stand_at_one_place_in_equal_markers(self):
        figure = report.accuracy_against_parameters(
            {
                "teacher": (1000, [0.9]),
                "alone": (100, [0.7, 0.8]),
                "smoothed": (100, [0.7, 0.8]),
                "distilled": (100, [0.7, 0.8]),
            }
        )
        points = [one[0] for one in figure.axes[0].containers]
        np.testing.assert_array_equal(
            [point.get_xdata()[0] for point in points], [1000, 100, 100, 100]
        )
        self.assertLen({point.get_markersize() for point in points}, 1)
        # None hides the others: hollow markers, and caps of its own width.
        self.assertEqual({p.get_markerfacecolor() for p in points}, {"none"})
        caps = [one[1] for one in figure.axes[0].containers[1:]]
        self.assertLen({cap[0].get_markersize() for cap in caps}, 3)

    def test_many_models_have_a_marker_each(self):
        figure = report.accuracy_against_parameters(
            {f"model {n}": (100 + n, [0.5]) for n in range(20)}
        )
        lines = figure.axes[0].lines
        kinds = {(one.get_color(), one.get_marker()) for one in lines}
        self.assertLen(kinds, 20)

    def test_sizes_are_round_numbers_that_do_not_overlap(self):
        for low, high in (
            (100, 100),
            (100, 128),
            (3_700, 9_900),
            (1_000_000, 2_500_000),
            (28_000_000, 99_000_000),
            (900, 1_000_000_000),
        ):
            figure = report.accuracy_against_parameters(
                {"small": (low, [0.9]), "large": (high, [0.9])}
            )
            figure.draw_without_rendering()
            boxes = text_boxes.of_ticks(figure.axes[0].xaxis)
            with self.subTest(low=low, high=high):
                self.assertBetween(len(boxes), 2, 5)
                self.assertEmpty(text_boxes.overlapping(boxes))

    def test_a_legend_covers_no_axes_and_fits_the_picture(self):
        name = "distilled by attention transfer, with a temperature of four"
        names = [f"{name}, {n}" for n in range(9)]
        bins = report.reliability([0], [[0.75, 0.25]])
        for figure in (
            report.learning_curves({n: [[0.9, 0.1]] for n in names}),
            report.accuracy_against_parameters({n: (9, [0.5]) for n in names}),
            report.reliability_diagram(dict.fromkeys(names, bins)),
            report.gain_against_cost(
                dict.fromkeys(names, (1, interval(0.1, 0, 0.2)))
            ),
        ):
            figure.draw_without_rendering()
            (legend,) = figure.legends
            box = legend.get_window_extent()
            for axes in figure.axes:
                self.assertGreater(axes.get_tightbbox().y0, box.y1)
            self.assertTrue(figure.bbox.contains(box.x0, box.y0))
            self.assertTrue(figure.bbox.contains(box.x1, box.y1))
            # The axes keep their height.
            self.assertGreater(figure.axes[0].bbox.height, 250)

    def test_one_seed_is_one(self):
        figure = report.learning_curves({"alone": [[0.5, 0.6]]})
        self.assertEqual(labels(figure), ["alone (1 seed)"])

    def test_every_picture_can_be_written_and_names_its_axes(self):
        bins = report.reliability([0], [[0.75, 0.25]])
        for figure in (
            report.learning_curves({"alone": [[0.5]]}),
            report.accuracy_against_parameters({"alone": (10, [0.5])}),
            report.reliability_diagram({"alone": bins}),
            report.gain_against_cost({"dkd": (1, interval(0.1, 0, 0.2))}),
        ):
            self.assertStartsWith(written(figure), b"\x89PNG")
            for axes in figure.axes:
                self.assertNotEmpty(axes.get_ylabel())
            self.assertNotEmpty(figure.axes[0].get_title())
            self.assertNotEmpty(figure.axes[-1].get_xlabel())


if __name__ == "__main__":
    absltest.main()
