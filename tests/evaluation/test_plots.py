"""The plots of a report."""

from frontend.evaluation.plots import det_curves
from tests.evaluation.judged import attack, live


def test_attack_types_of_any_letters_are_named_without_a_word_about_fonts() -> None:
    types = ("\u5317\u4eac", "$x^2$", "<b>&", "of\ntwo lines")
    judged = [live(0.6 + n / 100, n) for n in range(20)]
    judged += [attack(n / 50, n, name) for name in types for n in range(20)]
    svg = det_curves(judged, 0.5)
    assert all(words in svg for words in ("\u5317\u4eac", "$x^2$", "&lt;b&gt;&amp;", "two lines"))
