"""Runs the jobs of `docs/jobs.md`: quickly one step, slowly as they stand."""

import contextlib
import re

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from tests import page_jobs
from tests import pages
from tests import reference
from tests import support
from tests.references import boxes
from tests.references import resizing

PAGE = "docs/jobs.md"
# The last two have tests of their own: `budget_job_test.py` and
# `hub_jobs_page_test.py`.
SECTIONS = page_jobs.sections(PAGE)[1:-2]
JOBS = [code for part in SECTIONS for code in pages.code_blocks(part)]
CLASSIFIER, TRANSFER, TEXT, LANGUAGE, SEGMENTER, *OTHERS = JOBS
ENLARGED, HALVES, NUMBERS, TAGS, DETECTOR, EMBEDDING, HEADS, OWN = OTHERS
NAMED = [(f"job_{place}", code) for place, code in enumerate(JOBS)]
FEW = 32  # One batch, whose means are those of all its positions.


@support.eager_tests
class OneStepTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with support.eagerly(), pages.one_step():
            cls.jobs = page_jobs.jobs_of(cls, PAGE)

    def setUp(self):
        super().setUp()
        self.enterContext(pages.one_step())

    def evaluated(self, code, x, y):
        return self.jobs.evaluated(code, x, y, FEW)

    @parameterized.named_parameters(*NAMED)
    def test_moves_the_student(self, code):
        _, (before, *_, after), _ = self.jobs.run(code)
        self.assertGreater(support.largest_difference(before, after), 1e-3)

    def test_a_frozen_backbone_stays_in_the_first_stage(self):
        _, (first, second, after), _ = self.jobs.run(TRANSFER)
        kernel, bias, *head = zip(first, second, after, strict=True)
        for before, between, end in (kernel, bias):
            np.testing.assert_array_equal(before, between)
            self.assertTrue(np.any(between != end))
        self.assertTrue(np.any(head[0][0] != head[0][1]))

    def test_padding_counts_nowhere(self):
        names, *_ = self.jobs.run(TEXT)
        distiller, texts = names["distiller"], names["texts"][:FEW]
        topics = names["topics"][:FEW]
        logs = support.evaluated(distiller, texts, topics)
        longer = np.pad(texts, ((0, 0), (0, 7)))
        padded = support.evaluated(distiller, longer, topics)
        self.assertGreater(logs["hint"], 0)
        for key, value in logs.items():
            np.testing.assert_allclose(padded[key], value, rtol=1e-5)

    def test_scores_of_words_do_not_depend_on_later_ones(self):
        names, *_ = self.jobs.run(LANGUAGE)
        student, texts = names["distiller"].student, names["seen"][:2]
        changed = texts.copy()
        changed[:, 5:] = 3
        before, after = (
            reference.float64(student(x)) for x in (texts, changed)
        )
        np.testing.assert_array_equal(before[:, :5], after[:, :5])
        self.assertTrue(np.any(before != after))

    @parameterized.named_parameters(
        ("next_word", LANGUAGE, "seen", "following", 0),
        ("void", SEGMENTER, "images", "masks", 255),
    )
    def test_positions_without_a_label_count_nowhere(self, code, x, y, ignored):
        logs, y, teacher, student = self.evaluated(code, x, y)
        valid = y != ignored
        self.assertTrue(valid.any() and not valid.all())
        soft = reference.soft_targets(teacher, student, 2.0)[valid].mean()
        right = (student.argmax(-1) == y)[valid].mean()
        np.testing.assert_allclose(logs["soft_targets"], soft, rtol=1e-4)
        np.testing.assert_allclose(logs["accuracy"], right, rtol=1e-5)

    def test_void_leaves_the_overlap(self):
        logs, y, _, student = self.evaluated(SEGMENTER, "images", "masks")
        choice, label = student.argmax(-1)[y != 255], y[y != 255]
        overlaps = [
            ((choice == c) & (label == c)).sum()
            / ((choice == c) | (label == c)).sum()
            for c in (0, 1)
        ]
        # Keras counts the metrics of one kind that a process makes.
        (found,) = (logs[k] for k in logs if k.startswith("mean_io_u"))
        np.testing.assert_allclose(found, np.mean(overlaps), rtol=1e-5)

    def test_an_enlarged_answer_has_the_labels_of_all_pixels(self):
        logs, y, teacher, _ = self.evaluated(ENLARGED, "images", "masks")
        names, *_ = self.jobs.run(ENLARGED)
        short = reference.float64(names["student"](names["images"][:FEW]))
        self.assertEqual(short.shape[1:3], (4, 4))
        student, valid = resizing.linear(short, 8, 8), y != 255
        soft = reference.soft_targets(teacher, student, 2.0)[valid].mean()
        right = (student.argmax(-1) == y)[valid].mean()
        np.testing.assert_allclose(logs["soft_targets"], soft, rtol=1e-4)
        np.testing.assert_allclose(logs["accuracy"], right, rtol=1e-5)

    def test_halves_are_compared_with_the_flipped_image(self):
        names, *_ = self.jobs.run(HALVES)
        # Two bytes a number, of 8x8 pixels and two classes; 8 tell the example,
        # 8 its seed.
        self.assertEqual(
            names["cached"].bytes_per_example, 8 * 8 * 2 * 2 + 8 + 8
        )
        # Where the cache is.
        self.enterContext(contextlib.chdir(self.jobs.folder))
        distiller, teacher = names["distiller"], names["teacher"]
        halves = names["halves"].skip(len(names["images"])).batch(FEW)
        ((entry, y),) = halves.take(1)
        x, _ = keras_kd.batch.split(entry)
        self.assertTrue(np.any(x != names["images"][:FEW]))
        logs = support.evaluated(distiller, halves.take(1))
        long, short = (
            reference.float64(m(x)) for m in (teacher, distiller.student)
        )
        student = resizing.linear(short, 8, 8)
        valid = (y.numpy() != 255).repeat(2, axis=1).repeat(2, axis=2)
        self.assertTrue(valid.any() and not valid.all())
        soft = reference.soft_targets(long, student, 2.0)[valid].mean()
        # The cache has numbers of half precision.
        np.testing.assert_allclose(logs["soft_targets"], soft, rtol=1e-2)

    def test_numbers_are_compared_as_numbers(self):
        logs, y, teacher, student = self.evaluated(NUMBERS, "images", "labels")
        match = np.square(teacher - student).mean()
        error = np.abs(student[:, 0] - y).mean()
        np.testing.assert_allclose(logs["match"], match, rtol=1e-4)
        np.testing.assert_allclose(logs["mae"], error, rtol=1e-5)

    def test_tags_are_questions_of_their_own(self):
        logs, y, teacher, student = self.evaluated(TAGS, "images", "tags")
        soft = reference.binary_soft_targets(teacher, student, 2.0).mean()
        right = ((student > 0) == y).mean()
        np.testing.assert_allclose(logs["binary_soft_targets"], soft, rtol=1e-4)
        np.testing.assert_allclose(logs["binary_accuracy"], right, rtol=1e-5)

    def test_a_detector_learns_where_its_teacher_is_sure(self):
        names, *_ = self.jobs.run(DETECTOR)
        distiller, x = names["distiller"], names["scenes"][:FEW]
        y = {name: labels[:FEW] for name, labels in names["there"].items()}
        logs = support.evaluated(distiller, x, y)
        teacher, student = (
            [
                reference.float64(found[name]).reshape(FEW, 16, -1)
                for name in ("scores", "boxes")
            ]
            for found in (distiller.teacher(x), distiller.student(x))
        )
        soft = boxes.soft_targets(teacher, student).mean()
        np.testing.assert_allclose(logs["box_soft_targets"], soft, rtol=1e-4)
        error = np.abs(student[1] - y["boxes"].reshape(FEW, 16, 4)).mean(-1)
        has_box = y["scores"].any(axis=-1).reshape(FEW, 16)
        self.assertTrue(np.all(has_box.sum(axis=1) == 1))
        error = np.mean(error[has_box])
        found = names["box_error"](
            y["boxes"], student[1].reshape(y["boxes"].shape)
        )
        np.testing.assert_allclose(np.mean(found), error, rtol=1e-5)

    def test_heads_are_compared_each_with_its_own(self):
        names, *_ = self.jobs.run(HEADS)
        distiller, x = names["distiller"], names["images"][:FEW]
        y = {name: labels[:FEW] for name, labels in names["both"].items()}
        logs = support.evaluated(distiller, x, y)
        teacher, student = (
            {name: reference.float64(one) for name, one in found.items()}
            for found in (distiller.teacher(x), distiller.student(x))
        )
        soft = reference.soft_targets(teacher["digit"], student["digit"], 4.0)
        match = np.square(teacher["size"] - student["size"])
        right = student["digit"].argmax(-1) == y["digit"]
        for key, values in (
            ("soft_targets", soft),
            ("match", match),
            ("digit_accuracy", right),
        ):
            np.testing.assert_allclose(logs[key], values.mean(), rtol=1e-4)

    def test_a_teacher_of_probabilities_gives_logits(self):
        names, *_ = self.jobs.run(OWN)
        teacher, x = names["distiller"].teacher, names["own"].test_images
        # One dense layer, without its softmax.
        kernel, bias = support.values(teacher.weights)
        scores = x.reshape(len(x), -1) @ kernel + bias
        np.testing.assert_allclose(teacher(x), scores, rtol=1e-4, atol=1e-5)


class LearntTest(parameterized.TestCase):
    """As the page stands."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.jobs = page_jobs.jobs_of(cls, PAGE)

    def last(self, code):
        """The logs of a job's last epoch."""
        _, _, (*_, logs) = self.jobs.run(code)
        return {key: values[-1] for key, values in logs.items()}

    def test_the_classifier_cools_and_its_best_student_loads(self):
        names, _, (logs,) = self.jobs.run(CLASSIFIER)
        (images, labels), best = names["test"], self.jobs.folder / "best.keras"
        temperatures = logs["soft_targets.temperature"]
        np.testing.assert_allclose(temperatures[-1], 2.0, rtol=0.01)
        scores = keras.models.load_model(best).predict(images, verbose=0)
        right = (scores.argmax(-1) == labels).mean()
        np.testing.assert_allclose(right, max(logs["val_accuracy"]), atol=1e-3)

    @parameterized.named_parameters(
        ("of_shifted_images", CLASSIFIER, "val_accuracy", 0.1),
        ("of_a_new_head", TRANSFER, "accuracy", 0.1),
        ("of_texts", TEXT, "accuracy", 0.63),
        ("of_next_words", LANGUAGE, "accuracy", 0.1),
        ("of_pixels", SEGMENTER, "accuracy", 0.73),
        ("of_enlarged_answers", ENLARGED, "accuracy", 0.73),
        ("of_tags", TAGS, "binary_accuracy", 0.6),
        ("of_one_of_two_heads", HEADS, "digit_accuracy", 0.1),
        ("of_own_images", OWN, "val_accuracy", 0.1),
    )
    def test_half_of_what_a_constant_answer_misses_is_right(self, *case):
        code, key, constant = case
        self.assertGreater(self.last(code)[key], (1 + constant) / 2)

    def test_numbers_are_nearer_than_their_mean(self):
        names, *_ = self.jobs.run(NUMBERS)
        spread = np.abs(names["labels"] - names["labels"].mean()).mean()
        self.assertLess(self.last(NUMBERS)["mae"], 0.75 * spread)

    def test_a_box_is_found_where_the_student_is_surest(self):
        names, *_ = self.jobs.run(DETECTOR)
        found = names["distiller"].student.predict(names["scenes"], verbose=0)
        scores = found["scores"].max(axis=-1).reshape(999, 16)
        at, labels = (
            of["boxes"].reshape(999, 16, 4) for of in (found, names["there"])
        )
        surest = at[np.arange(999), scores.argmax(axis=1)]
        right = labels[labels[..., 2] > 0]
        # Below that, they share more than half of what they cover.
        near = boxes.box_distances(right[None], surest[None]) < 0.5
        # Of boxes at random, one in fifty.
        self.assertGreater(np.mean(near), 0.5)

    def test_alike_images_are_near(self):
        names, *_ = self.jobs.run(EMBEDDING)
        # At random, one in ten.
        self.assertGreater(names["found"].recall[1], 0.8)

    @parameterized.named_parameters(*NAMED)
    def test_the_student_comes_nearer_to_its_teacher(self, code):
        names, _, (first, *others) = self.jobs.run(code)
        for key in names["distiller"].loss_names:
            last = [first, *others][-1]
            self.assertLess(last[key][-1], first[key][0] / 2)


support.mark_slow(LearntTest, "test_")


class PageTest(absltest.TestCase):
    def test_scores_of_segmenters_are_those_of_the_tutorial(self):
        tutorial = pages.text("tutorials/25_segmentation.py")
        found = re.findall(r"\| (\d+\.\d) \|$", pages.text(PAGE), re.MULTILINE)
        measured = re.findall(r"\| (\d+\.\d) ± ", tutorial)
        self.assertLen(found, 5)
        self.assertCountEqual(found, measured)

    def test_there_are_ten_jobs(self):
        self.assertLen(SECTIONS, 10)

    def test_no_block_of_a_job_has_more_than_ten_lines(self):
        self.assertEmpty([code for code in JOBS if code.count("\n") > 10])


if __name__ == "__main__":
    absltest.main()
