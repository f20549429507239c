import io

import numpy as np
from absl.testing import absltest

from keras_kd import report
from keras_kd.search import TrialResult
from tests.report import text_boxes


def trials(*points):
    return [
        TrialResult(str(n), n, "COMPLETED", s, {}, costs={"parameters": c})
        for n, (s, c) in enumerate(points)
    ]


TRIALS = trials((0.9, 900), (0.8, 300), (0.7, 300), (0.6, 100))


class ScoreAgainstCostTest(absltest.TestCase):
    def test_draws_all_trials_and_steps_along_the_front(self):
        (axes,) = report.score_against_cost(TRIALS, scale=100).axes
        all_of_them, front = axes.collections
        np.testing.assert_allclose(
            all_of_them.get_offsets(),
            [(900, 90), (300, 80), (300, 70), (100, 60)],
        )
        expected = [(100, 60), (300, 80), (900, 90)]
        np.testing.assert_allclose(front.get_offsets(), expected)
        (line,) = axes.lines
        *corners, end = line.get_xydata()
        np.testing.assert_allclose(corners, expected)
        self.assertEqual(end[1], 90)
        self.assertGreater(end[0], 900)
        # Up to the next student it is no better.
        self.assertEqual(line.get_drawstyle(), "steps-post")

    def test_the_lowest_can_be_the_best(self):
        (axes,) = report.score_against_cost(TRIALS, direction="min").axes
        _, front = axes.collections
        np.testing.assert_allclose(front.get_offsets(), [(100, 0.6)])

    def test_draws_one_trial(self):
        figure = report.score_against_cost(trials((0.5, 70)), label="right")
        (axes,) = figure.axes
        self.assertLen(axes.collections[1].get_offsets(), 1)
        self.assertEqual(axes.get_ylabel(), "right")
        figure.savefig(io.BytesIO(), format="png")

    def test_texts_do_not_cover_each_other(self):
        figure = report.score_against_cost(
            TRIALS, label="validation accuracy (%)", scale=100
        )
        figure.draw_without_rendering()
        boxes = text_boxes.of_ticks(figure.axes[0].xaxis)
        self.assertGreaterEqual(len(boxes), 2)
        self.assertEmpty(text_boxes.overlapping(boxes))

    def test_refuses_trials_without_a_score(self):
        failed = TrialResult(
            "0", 1, "FAILED", None, {}, costs={"parameters": 3}
        )
        with self.assertRaisesRegex(
            ValueError, "`trials` must have at least one.*Received: 1 trials"
        ):
            report.score_against_cost([failed])


if __name__ == "__main__":
    absltest.main()
