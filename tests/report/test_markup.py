"""HTML in which nothing is that nobody wrote as HTML."""

import jinja2
import pytest
from markupsafe import Markup

from benchlib.report.columns import Column
from benchlib.report.markup import html, joined
from benchlib.report.prose import paragraph
from benchlib.report.tables import table

EVIL = """<script>alert("1")</script> & 'x' {{ 7 * 7 }} {% raw %}"""
SAFE = "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt; &amp; &#39;x&#39; {{ 7 * 7 }} {% raw %}"


def test_values_are_escaped_and_html_is_not():
    assert html("<b>{{ text }}</b>", text=EVIL) == f"<b>{SAFE}</b>"
    assert html("<p>{{ inner }}</p>", inner=html("<b>{{ it }}</b>", it="&")) == "<p><b>&amp;</b></p>"


def test_a_name_without_a_value_is_a_mistake():
    with pytest.raises(jinja2.UndefinedError):
        html("<b>{{ text }}</b>", txt="a")


def test_pieces_are_joined_without_those_that_are_nothing():
    assert joined(["<", "", Markup("<br>"), False], " ") == "&lt; <br>" == joined(["<", Markup("<br>")], " ")
    assert joined(["a", "b"], "<br>") == "a<br>b", "what stands between is HTML"
    assert joined([]) == ""


def test_every_place_of_a_table_is_escaped():
    column = Column(EVIL, lambda row: row, lambda row: row, unit=EVIL, hover=EVIL)
    page = table([column], [EVIL], EVIL, lambda row: EVIL)
    assert "<script" not in page and page.count("&lt;script") == 7


def test_what_stands_in_back_quotes_of_a_paragraph_is_code():
    assert paragraph("say `<a>` & `b`") == "<p>say <code>&lt;a&gt;</code> &amp; <code>b</code></p>"
    assert paragraph("", "lead") == "" and paragraph("a", "lead") == '<p class="lead">a</p>'
