"""Runs the job of `docs/jobs.md` that looks for a student for a budget."""

import pytest
from absl.testing import absltest

from keras_kd import search
from tests import page_jobs
from tests import pages

PAGE = "docs/jobs.md"
*_, SECTION, _ = page_jobs.sections(PAGE)
BLOCKS = pages.code_blocks(SECTION)
# A kernel of 9 weights and a bias, and of 6 by 6 places to 10 digits.
COUNTS = {width: 370 * width + 10 for width in (1, 2, 4, 8, 16)}


class BudgetTest(absltest.TestCase):
    @pytest.mark.slow
    def test_finds_a_student_for_the_budget(self):
        jobs = page_jobs.jobs_of(type(self), PAGE)
        names = dict(jobs.shared)
        *_, printed = [pages.run(code, jobs.folder, names) for code in BLOCKS]

        for one in names["trials"]:
            count = COUNTS[one.knobs["width"]]
            self.assertEqual(one.costs, {"parameters": count})
            self.assertEqual(one.is_over, count > 3000)
        over = [one for one in names["trials"] if one.is_over]
        self.assertNotEmpty(over)
        front = search.pareto_front(names["trials"])
        self.assertEqual(printed.count("'width'"), len(front))
        for one in front:
            self.assertIn(f"{one.costs['parameters']:,}", printed)
        self.assertTrue((jobs.folder / "front.png").exists())
        best = names["trials"][0]
        student = names["distiller"].student
        self.assertEqual(student.count_params(), best.costs["parameters"])
        # Of ten digits, always the same one is right in a tenth.
        self.assertGreater(best.score, (1 + 0.1) / 2)

    def test_no_block_has_more_than_ten_lines(self):
        self.assertLen(BLOCKS, 3)
        self.assertEmpty([code for code in BLOCKS if code.count("\n") > 10])


if __name__ == "__main__":
    absltest.main()
