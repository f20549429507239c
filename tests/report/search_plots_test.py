import io
import types

import numpy as np
from absl.testing import absltest

from keras_kd import report
from tests.report import text_boxes


def trial(score, **knobs):
    return types.SimpleNamespace(score=score, knobs=knobs)


def sampled(how, values):
    """Trials of a knob `weight` that tell how it was sampled."""
    return [
        types.SimpleNamespace(
            score=1 - number / 9, knobs={"weight": v}, sampling={"weight": how}
        )
        for number, v in enumerate(values)
    ]


TRIALS = [
    trial(0.9, rate=0.01, kind="a", depth=4),
    trial(0.7, rate=0.1, kind="b"),
    trial(0.5, rate=0.001, kind="b"),
    trial(None, rate=0.5, kind="c"),
]


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def lines_of(figure, num_axes=None):
    """Heights at which the lines of the trials pass the axes.

    Args:
        figure: A `Figure`.
        num_axes: Number of axes; `None` if there are more than 2. An axis is a
            line itself, from 0 to 1 at one place.
    """
    return [
        list(line.get_ydata())
        for line in figure.axes[0].lines
        if len(line.get_ydata()) == (num_axes or len(line.get_ydata()))
        and len(set(line.get_xdata())) > 1
    ]


class ParallelCoordinatesTest(absltest.TestCase):
    def test_draws_a_line_for_each_trial_the_best_on_top(self):
        figure = report.parallel_coordinates(TRIALS, "accuracy (%)", 100)
        # rate on a logarithmic axis, kind, depth, the score.
        np.testing.assert_allclose(
            lines_of(figure),
            [[0, 1, -0.14, 0], [1, 1, -0.14, 0.5], [0.5, 0, 0.5, 1]],
            atol=1e-6,
        )
        shown = texts(figure)
        for text in ("rate\n(log)", "kind", "0.001", "0.1", "b", "90", "50"):
            self.assertIn(text, shown)
        self.assertIn("not used", shown)
        self.assertNotIn("c", shown)

    def test_the_lowest_score_can_be_the_best(self):
        figure = report.parallel_coordinates(TRIALS[2::-1])
        self.assertEqual(lines_of(figure)[-1][-1], 0)

    def test_knobs_that_do_not_vary_are_left_out(self):
        figure = report.parallel_coordinates(
            [trial(0.5, rate=0.1, kind="a"), trial(0.6, rate=0.1, kind="b")]
        )
        self.assertNotIn("rate", texts(figure))
        self.assertNotIn("not used", texts(figure))

    def test_colours_tell_the_score(self):
        figure = report.parallel_coordinates(TRIALS, "accuracy (%)", 100)
        bar = figure.axes[1]
        self.assertEqual(bar.get_ylabel(), "accuracy (%)")
        np.testing.assert_allclose(bar.get_ylim(), (50, 90))

    def test_a_logarithmic_range_has_a_logarithmic_axis(self):
        # A ratio of 4, whose middle is 2.
        trials = sampled("log", [1.0, 2.0, 4.0])
        figure = report.parallel_coordinates(trials)
        heights = [line[0] for line in lines_of(figure, 2)]
        np.testing.assert_allclose(sorted(heights), [0, 0.5, 1])
        self.assertIn("weight\n(log)", texts(figure))
        panel = report.slices(trials).axes[0]
        self.assertEqual(panel.get_xscale(), "log")

    def test_a_linear_range_has_a_linear_axis_however_wide(self):
        trials = sampled("linear", [0.1, 2.0, 3.9])
        figure = report.parallel_coordinates(trials)
        heights = [line[0] for line in lines_of(figure, 2)]
        np.testing.assert_allclose(sorted(heights), [0, 0.5, 1])
        self.assertIn("weight", texts(figure))
        panel = report.slices(trials).axes[0]
        self.assertEqual(panel.get_xscale(), "linear")

    def test_scores_that_differ_little_are_told_apart(self):
        figure = report.parallel_coordinates(
            [trial(0.90012, kind="a"), trial(0.9001, kind="b")]
        )
        shown = [text for text in texts(figure) if text.startswith("0.9")]
        self.assertEqual(shown, ["0.9001", "0.90011", "0.90012"])


class SlicesTest(absltest.TestCase):
    def test_draws_the_score_over_each_knob(self):
        figure = report.slices(TRIALS, "accuracy (%)", 100)
        rate, kind, depth = figure.axes
        self.assertEqual(rate.get_xscale(), "log")
        np.testing.assert_allclose(
            rate.collections[0].get_offsets(),
            [[0.01, 90], [0.1, 70], [0.001, 50]],
        )
        np.testing.assert_allclose(
            kind.collections[0].get_offsets(), [[0, 90], [1, 70], [1, 50]]
        )
        self.assertEqual(
            [text.get_text() for text in kind.get_xticklabels()], ["a", "b"]
        )
        np.testing.assert_allclose(
            depth.collections[0].get_offsets(), [[4, 90]]
        )
        self.assertEqual(figure.get_supylabel(), "accuracy (%)")


class AstrayTest(absltest.TestCase):
    """The quartiles of 0 and .7 to .8 are .7 and .76; .61 is the fence."""

    trials = [
        trial(score, rate=number)
        for number, score in enumerate([0.8, 0.76, 0.74, 0.72, 0.7, 0.0])
    ]

    def test_what_is_far_worse_is_drawn_at_the_edge(self):
        figure = report.parallel_coordinates(self.trials, "accuracy", 100)
        self.assertIn("≤ 70", texts(figure))
        np.testing.assert_allclose(figure.axes[1].get_ylim(), (70, 80))
        figure = report.slices(self.trials, "accuracy", 100)
        heights = figure.axes[0].collections[0].get_offsets()[:, 1]
        np.testing.assert_allclose(heights, [80, 76, 74, 72, 70, 70])
        self.assertEqual(figure.get_supylabel(), "accuracy, ≤ 70 at the edge")

    def test_a_loss_is_worse_where_it_is_higher(self):
        losses = [trial(-one.score, **one.knobs) for one in self.trials]
        figure = report.parallel_coordinates(losses, "loss", 100)
        self.assertIn("≥ -70", texts(figure))

    def test_with_few_trials_there_are_none(self):
        figure = report.parallel_coordinates(self.trials[2:], "accuracy", 100)
        self.assertIn("0", texts(figure))


class TextsTest(absltest.TestCase):
    """Names are long, numbers are large, and there are many of both."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        random = np.random.default_rng(0)
        cls.trials = [
            trial(
                0.9 - 1e-4 * number,
                method=f"a_method_with_a_long_name_{number % 14:02}",
                units=int(10 ** random.uniform(3, 8)),
                rate=10 ** random.uniform(-7, -1),
                **{
                    f"a_loss_with_a_long_name_{n}.loss_weight": random.uniform(
                        1, 4
                    )
                    for n in range(5)
                },
            )
            for number in range(60)
        ]

    def test_no_line_is_over_a_number_of_an_axis(self):
        figure = report.parallel_coordinates(self.trials)
        axes = figure.axes[0]
        highest = max(line.get_zorder() for line in axes.lines)
        numbers = [one for one in axes.texts if one.get_bbox_patch()]
        self.assertGreater(len(numbers), 14)
        for one in numbers:
            self.assertGreater(one.get_zorder(), highest)
            # Nothing shines through.
            self.assertEqual(one.get_bbox_patch().get_facecolor()[-1], 1)

    def test_no_text_of_the_axes_covers_another_or_leaves_the_picture(self):
        figure = report.parallel_coordinates(self.trials, "accuracy (%)", 100)
        figure.draw_without_rendering()
        boxes = text_boxes.of([*figure.axes[0].texts, *figure.texts])
        self.assertEmpty(text_boxes.overlapping(boxes))
        for text, box in boxes:
            self.assertTrue(figure.bbox.contains(box.x0, box.y0), text)
            self.assertTrue(figure.bbox.contains(box.x1, box.y1), text)

    def test_no_text_of_the_panels_covers_another(self):
        figure = report.slices(self.trials, "accuracy (%)", 100)
        figure.draw_without_rendering()
        boxes = [
            box
            for panel in figure.axes
            for box in text_boxes.of_ticks(panel.xaxis)
        ]
        self.assertGreater(len(boxes), 14)
        boxes += text_boxes.of(panel.xaxis.label for panel in figure.axes)
        self.assertEmpty(text_boxes.overlapping(boxes))

    def test_points_are_of_one_size(self):
        for panel in report.slices(self.trials).axes[:8]:
            self.assertLen(set(panel.collections[0].get_sizes()), 1)


class BothTest(absltest.TestCase):
    def test_have_a_title(self):
        for draw in (report.parallel_coordinates, report.slices):
            self.assertNotEmpty(draw(TRIALS).get_suptitle())

    def test_can_be_written_also_of_one_trial(self):
        for draw in (report.parallel_coordinates, report.slices):
            for trials in (TRIALS, TRIALS[:1]):
                stream = io.BytesIO()
                draw(trials).savefig(stream, format="png")
                self.assertStartsWith(stream.getvalue(), b"\x89PNG")

    def test_refuse_trials_without_a_score(self):
        for draw in (report.parallel_coordinates, report.slices):
            with self.assertRaisesRegex(
                ValueError,
                "`trials` must have at least one.*Received: 1 trials without",
            ):
                draw(TRIALS[3:])


if __name__ == "__main__":
    absltest.main()
