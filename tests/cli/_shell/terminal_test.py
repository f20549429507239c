import io
import sys
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.cli._shell import terminal


def stream(encoding):
    return io.TextIOWrapper(io.BytesIO(), encoding)


def printed(text, encoding="utf-8", **variables):
    """Bytes of a text that is printed with these environment variables."""
    with (
        mock.patch.object(sys, "stdout", stream(encoding)) as output,
        mock.patch.object(sys, "stderr", stream(encoding)),
        mock.patch.dict("os.environ", variables, clear=True),
    ):
        terminal.prepare()
        print(text)
        # At once: nothing is left in a buffer.
        return output.buffer.getvalue()


class PrepareTest(parameterized.TestCase):
    text = "Buciluă: 93.2 ± 0.5, ≤ 3 ━"
    in_ascii = b"Bucilua: 93.2 +- 0.5, <= 3 =\n"

    @parameterized.parameters(
        dict(LANG="C"),
        dict(LC_ALL="C", LANG="de_DE.UTF-8"),
        dict(LC_ALL="POSIX"),
        # What Python adds in the locale C.
        dict(LANG="C", LC_CTYPE="C.UTF-8"),
    )
    def test_the_locale_c_gets_ascii(self, **variables):
        self.assertEqual(printed(self.text, **variables), self.in_ascii)

    @parameterized.parameters(
        dict(),
        dict(LANG="C.UTF-8"),
        dict(LANG="en_US.UTF-8"),
        dict(LANG="C", LC_CTYPE="en_US.UTF-8"),
        dict(LC_ALL="en_US.UTF-8", LANG="C"),
        dict(LANG="C", PYTHONIOENCODING="utf-8"),
        dict(LANG="C", PYTHONUTF8="1"),
    )
    def test_others_get_what_is_written(self, **variables):
        found = printed(self.text, **variables)
        self.assertEqual(found.decode(), self.text + "\n")

    def test_an_encoding_without_some_signs_gets_the_others(self):
        found = printed(self.text, "latin-1", LANG="de_DE.ISO-8859-1")
        self.assertEqual(
            found.decode("latin-1"), "Bucilua: 93.2 ± 0.5, <= 3 =\n"
        )

    def test_a_sign_like_no_other_is_a_question_mark(self):
        self.assertEqual(printed("\u4e2d \udcff", LANG="C"), b"? ?\n")


class ShownTest(absltest.TestCase):
    def test_a_text_can_be_laid_out_as_it_will_be_shown(self):
        with mock.patch.object(sys, "stdout", stream("ascii")):
            self.assertEqual(terminal.shown("1 ± 2"), "1 +- 2")
            # 78 letters and a sign that becomes two.
            folded = terminal.fold("a" * 39 + " " + "b" * 38 + " ±")
        self.assertLessEqual(max(map(len, folded.splitlines())), 80)
        with mock.patch.object(sys, "stdout", stream("utf-8")):
            self.assertEqual(terminal.shown("1 ± 2"), "1 ± 2")


if __name__ == "__main__":
    absltest.main()
