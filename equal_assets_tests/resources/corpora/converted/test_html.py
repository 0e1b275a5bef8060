# ruff: noqa: E501 - inputs are on one line, as they are in files
"""Pages: what is written of formulas, raised letters, code and lists, and what is left out."""

import pytest

from equal_assets.resources.corpora.converted.conversion_child import answer_for

MATH = "<math{}><semantics><mrow><mi>e</mi></mrow>{}</semantics></math>"
TEX = '<annotation encoding="application/x-tex">E = mc^2</annotation>'
KATEX = (
    f'<span class="katex"><span class="katex-mathml">{MATH.format("", TEX)}</span>'
    '<span class="katex-html" aria-hidden="true"><span>E</span><span>=</span><span>mc2</span></span></span>'
)
MATHML = "<math><msup><mn>2</mn><mn>10</mn></msup></math>"
FALLBACK = '<img src="x.svg" class="mwe-math-fallback-image-inline" alt="{\\displaystyle 2^{10}}"/>'

WRITTEN = {
    # raised and lowered
    "power": ("10<sup>23</sup> atoms of H<sub>2</sub>O", "10^{23} atoms of H_{2}O"),
    "nested power": ("2<sup>3<sup>4</sup></sup>", "2^{3^{4}}"),
    "italic": ("<i>x</i><sub><i>n</i></sub> + <var>y</var><sup>2</sup>", "x_{n} + y^{2}"),
    "ordinal": ("the 1<sup>st</sup> Acme<sup>TM</sup>", "the 1st AcmeTM"),
    "fraction": (
        "2<sup>1</sup>/<sub>2</sub> cups, <sup>3</sup>⁄<sub>4</sub> spoon",
        "2 1/2 cups, 3/4 spoon",
    ),
    "raised by style": (
        '10<span style="font-size:7pt;vertical-align:super">23</span> of H<span style="vertical-align: '
        'sub">2</span>O',
        "10^{23} of H_{2}O",
    ),
    "raised by class": (
        '10<span class="CharOverride-1 Superscript">23</span> of H<span class="subscript">2</span>O',
        "10^{23} of H_{2}O",
    ),
    "key to sort by": ('<span style="display:none">0012</span>12 m', "12 m"),
    "hidden solution": ('<div style="display: none"><p>It is 12.</p></div>', "It is 12."),
    "hyphens that are not seen": ("exam&shy;ple", "example"),
    "reading beside characters": (
        "<ruby>漢字<rp>(</rp><rt>かんじ</rt><rp>)</rp></ruby>と<ruby>東<rt>とう</rt></ruby>",
        "漢字(かんじ)と東(とう)",
    ),
    "note": ('A fact.<sup><a href="#fn1">1</a></sup>', "A fact.[1]"),
    "notes": ('A fact.<sup><a href="#a">1</a>,<a href="#b">2</a></sup>', "A fact.[1,2]"),
    "note beside a power": ('10<sup>23<a href="#fn1">1</a></sup> atoms', "10^{23}[1] atoms"),
    "power in code": ("<code>2<sup>31</sup>-1</code>", "`2^{31}-1`"),
    # formulas
    "mathml": (f"is {MATHML} bytes", "is $2^{10}$ bytes"),
    "display": (
        '<math display="block"><mfrac><mn>1</mn><mn>23</mn></mfrac></math>',
        r"$$\frac{1}{23}$$",
    ),
    "mathjax 2": ('is <script type="math/tex">x &lt; 1</script> or', "is $x < 1$ or"),
    "mathjax 2, drawn": (
        '<span class="MathJax_Preview">x</span><span class="MathJax"><nobr>x2</nobr></span>'
        '<script type="math/tex; mode=display">x^2 % a comment\n+ 1</script>',
        "$$x^2 + 1$$",
    ),
    "mathjax 2 of mathml": (f'a <script type="math/mml">{MATHML}</script>', "a $2^{10}$"),
    "mathjax 3": (
        f"a <mjx-container><svg></svg><mjx-assistive-mml>{MATHML}</mjx-assistive-mml></mjx-container> b",
        "a $2^{10}$ b",
    ),
    "katex": (f"is {KATEX}.", "is $E = mc^2$."),
    "katex, display": (f'<span class="katex-display">{KATEX}</span>', "$$E = mc^2$$"),
    "wiki": (
        f'is <span class="mwe-math-element"><span>{MATHML}</span>{FALLBACK}</span> bytes',
        "is $2^{10}$ bytes",
    ),
    "wiki, picture": (f'is <span class="mwe-math-element">{FALLBACK}</span>', "is $2^{10}$"),
    "picture": ('is <img class="tex" alt="\\frac{1}{2}" src="a.png">', r"is $\frac{1}{2}$"),
    "picture of doxygen": ('is <img class="formulaInl" alt="$ x^2 $" src="f.png">', "is $x^2$"),
    "picture by a server": (
        'is <img src="https://latex.codecogs.com/gif.latex?x%5E2">',
        "is $x^2$",
    ),
    "picture, spoken": (
        '<img class="math" alt="the square of x" src="a.png">',
        "[the square of x]",
    ),
    "text for a script": (
        '<span class="math notranslate">\\(x_1 &lt; 2\\)</span> and $y*z*w$',
        r"\(x_1 < 2\) and $y*z*w$",
    ),
    "pandoc": ('<span class="math inline">x^2</span>', "$x^2$"),
    "formula in a cell": (
        "<table><tr><th>A</th></tr><tr><td>a|b <math><mo>|</mo><mi>x</mi><mo>|</mo></math></td></tr></table>",
        "| A |\n| --- |\n| a\\|b $\\vert x\\vert $ |",
    ),
    # code
    "line numbers": (
        '<div class="highlight-python notranslate"><table><tr><td class="linenos"><pre>1\n2</pre></td>'
        '<td class="code"><pre><span>def</span> f():\n    pass</pre><button class="copybtn">Copy</button></td></tr></table></div>',
        "```python\ndef f():\n    pass\n```",
    ),
    "doxygen code": (
        '<div class="fragment"><div class="line"><span class="lineno">    1</span>int x;</div>'
        '<div class="line">  int y;</div></div>',
        "```\nint x;\n  int y;\n```",
    ),
    "lines by br": ("<pre>a<br>  b</pre>", "```\na\n  b\n```"),
    # blocks
    "definitions": ("<dl><dt>ring</dt><dd>A set.</dd></dl>", "ring\n:   A set."),
    "quote": ("<p>He said:</p><blockquote><p>Yes.</p></blockquote>", "He said:\n\n> Yes."),
    "details": (
        "<details><summary>Solution</summary><p>It is 12.</p></details>",
        "Solution\n\nIt is 12.",
    ),
    "form around the page": ('<form><input type="hidden" value="x"><p>Text.</p></form>', "Text."),
    "form": ("<p>Text.</p><form><label>Search</label><input></form>", "Text."),
}


def converted(folder, body, head=""):
    page = folder / "page.html"
    page.write_text(f"<html><head>{head}</head><body>{body}</body></html>", encoding="utf-8")
    answer = answer_for(page)
    return answer["pages"][0][1] if "pages" in answer else answer


@pytest.mark.parametrize("name", WRITTEN)
def test_part_of_a_page_is_written(tmp_path, name):
    given, written = WRITTEN[name]
    assert converted(tmp_path, f"<div>{given}</div>") == written


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        (
            '<span class="katex"><span class="katex-html">x2</span></span>',
            "KaTeX without its source",
        ),
        ("<mjx-container><svg></svg></mjx-container>", "MathJax without its source"),
        ('<img class="math" src="a.png">', "a picture of a formula without a text"),
        ('<script type="math/asciimath">x^2</script>', "a formula in AsciiMath: x^2"),
        ("<math><apply><ci>x</ci></apply></math>", "<apply>"),
    ],
)
def test_page_with_a_formula_that_cannot_be_read_is_rejected(tmp_path, given, detail):
    answer = converted(tmp_path, f"<p>The value is {given}.</p>")
    assert answer["reason"] == "formula that cannot be converted"
    assert detail in answer["detail"]


TEXT = "<p>Rings have two operations, and the first of them commutes.</p>"
MENU = '<li><a href="a.html">Groups</a></li><li><a href="b.html">Fields</a></li>'
MAIN = "# Rings\n\nRings have two operations, and the first of them commutes."
AROUND = {
    "sphinx": f"""<div class="related" role="navigation"><ul>{MENU}</ul></div>
        <div class="document"><div class="body" role="main"><section id="rings">
        <h1>Rings<a class="headerlink" href="#rings" title="Permalink to this heading">¶</a></h1>{TEXT}
        </section></div></div><div class="sphinxsidebar" role="navigation"><h4>Previous topic</h4></div>
        <div class="footer">&copy; <a href="c.html">Copyright</a> 2023, Me. Created using Sphinx.</div>""",
    "read the docs": f"""<nav class="wy-nav-side"><ul>{MENU}</ul></nav><section class="wy-nav-content-wrap">
        <div class="rst-content"><div role="navigation"><ul class="wy-breadcrumbs">{MENU}</ul></div>
        <div role="main" class="document"><div itemprop="articleBody"><h1>Rings<a class="headerlink" href="#r">\uf0c1</a></h1>{TEXT}</div></div>
        <footer><div class="rst-footer-buttons"><a rel="next" href="n.html">Next</a></div><p>© Copyright 2023.</p></footer></div></section>""",
    "asp.net": f"""<form id="form1" action="./p.aspx"><input type="hidden" name="__VIEWSTATE"><div id="Menu">
        <ul class="nav">{MENU}</ul></div><div class="content"><h1>Rings</h1>{TEXT}</div></form>""",
    "no landmarks": f"""<div class="cookie-banner"><p>We use cookies.</p><button>OK</button></div>
        <div id="topNav"><ul>{MENU}</ul></div><div id="wrap"><h1>Rings <a class="anchor" href="#rings">#</a></h1>{TEXT}</div>
        <div class="site-footer">Imprint</div>""",
    "docbook": f"""<div class="navheader"><table><tr><td><a rel="prev" href="p.html">Prev</a></td><td><a rel="next" href="n.html">Next</a></td></tr></table></div>
        <div class="chapter"><h1>Rings</h1>{TEXT}</div>""",
    "docbook, long titles": f"""<div class="navheader"><table><tr><th colspan="5">9.16. Rings and Their Ideals, with Examples</th></tr><tr><td><a
        accesskey="p" href="p.html">Prev</a></td><td><a href="u.html">Up</a></td><th>Chapter 9. Algebra for Those Who Meet It First</th><td><a href="n.html">Next</a></td></tr></table><hr></div>
        <div class="sect1"><h1>Rings</h1>{TEXT}</div><div class="navfooter"><hr><table><tr><td>9.15. Groups and Their Many Representations</td><td><a href="i.html">Home</a></td></tr></table></div>""",
    "texinfo": f"""<div class="header"><p>Next: <a href="n.html" rel="next">Fields</a>, Up: <a href="u.html" rel="up">Top</a> [<a href="i.html">Index</a>]</p></div>
        <h1>Rings</h1>{TEXT}<p>Next: <a href="n.html">Fields</a>, Up: <a href="u.html">Top</a></p>""",
    "mkdocs": f"""<body class="has-sidebar"><div class="navbar"><ul>{MENU}</ul></div><div class="container"><div class="col-md-3"><div class="bs-sidebar">
        <ul>{MENU}</ul></div></div><div class="col-md-9" role="main"><h1 id="rings">Rings</h1>{TEXT}</div></div><footer>Built with MkDocs</footer>""",
    "mediawiki": f"""<div id="mw-content-text"><h1>Rings<span class="mw-editsection">[<a href="e">edit</a>]</span></h1>
        <div id="toc" class="toc"><ul>{MENU}</ul></div>{TEXT}</div><div class="printfooter">Retrieved</div>""",
    "docusaurus": f"""<nav aria-label="Breadcrumbs">Home</nav><article><span
        class="theme-doc-version-badge badge badge--secondary">Version: 2.0</span><h1>Rings<a href="#rings" class="hash-link"
        title="Direct link">\u200b</a></h1>{TEXT}</article><nav class="pagination-nav"><a href="n">Next</a></nav>""",
    "wordpress": f"""<header><a href="/">Blog</a></header><div class="post"><h1>Rings</h1><div class="entry-content">{TEXT}</div></div>
        <div class="widget-area sidebar"><ul>{MENU}</ul></div>""",
    "rights at the end": f"""<h1>Rings</h1>{TEXT}<p><a href="p.html">« Previous</a> | <a href="n.html">Next »</a></p>
        <p>Copyright © 2020 X. All rights reserved.</p>""",
    "teaser": f"""<div id="page"><h1>Rings</h1>{TEXT}</div><article><a href="x.html">More</a></article>""",
}


@pytest.mark.parametrize("name", AROUND)
def test_what_is_around_the_text_is_left_out(tmp_path, name):
    written = converted(tmp_path, AROUND[name])
    assert written.replace(" \n", "\n").startswith(MAIN)
    assert written in (MAIN, f"{MAIN}\n\n[More]", f"{MAIN}\n\nMore")


def test_notes_beside_the_text_are_kept(tmp_path):
    notes = '<aside class="admonition note"><p>Zero is even.</p></aside>'
    links = f'<aside class="sidebar"><ul>{MENU}</ul></aside>'
    assert converted(tmp_path, f"<h1>Rings</h1>{TEXT}{notes}{links}") == f"{MAIN}\n\nZero is even."


def test_page_in_utf8_is_read_as_such_whatever_it_states(tmp_path):
    head = '<meta charset="iso-8859-1">'
    assert converted(tmp_path, "<p>Die Größe</p>", head) == "Die Größe"


# Invented after the rest was right, the right result first


INVENTED = {
    "conjugate": ("A<sup>T</sup>x<sup>*</sup>", "A^{T}x^{*}"),
    "units": ("9.8 m s<sup>−2</sup> at 25<sup>o</sup>C", "9.8 m s^{−2} at 25^{o}C"),
    "isotope": ("<sup>14</sup>C and Ca<sup>2+</sup>", "^{14}C and Ca^{2+}"),
    "wiki reference": (
        'Pi is 3.<sup class="reference" id="r"><a href="#cite_note-1"><span>[</span>1<span>]</span></a></sup> So.',
        "Pi is 3.[1] So.",
    ),
    "kramdown": (
        '<script type="math/tex; mode=display">% <![CDATA[\na < b %]]></script>',
        "$$a < b$$",
    ),
    "latexml": (
        '<math alttext="x^{2}" class="ltx_Math" display="inline"><semantics><msup><mi>x</mi><mn>2</mn></msup>'
        '<annotation-xml encoding="MathML-Content"><apply><csymbol>superscript</csymbol></apply></annotation-xml>'
        "</semantics></math> holds",
        "$x^{2}$ holds",
    ),
    "wordpress": (
        'is <img src="https://s0.wp.com/latex.php?latex=%5Cfrac%7B1%7D%7B2%7D&bg=ffffff&fg=000000&s=0" alt="\\frac{1}{2}" class="latex" />',
        r"is $\frac{1}{2}$",
    ),
    "prefixed mathml": (
        "<m:math><m:mfrac><m:mi>a</m:mi><m:mi>b</m:mi></m:mfrac></m:math>",
        r"$\frac{a}{b}$",
    ),
    "mathjax 2, common html": (
        '<span class="mjx-chtml MathJax_CHTML" data-mathml="&lt;math&gt;&lt;msqrt&gt;&lt;mn&gt;2&lt;/mn&gt;&lt;/msqrt&gt;&lt;/math&gt;">'
        '<span aria-hidden="true">√2</span><span class="MJX_Assistive_MathML"><math><msqrt><mn>2</mn></msqrt></math></span></span>',
        r"$\sqrt{2}$",
    ),
    "katex in a heading": (
        f"<h2>Energy {KATEX}<a href='#e' class='anchor'>#</a></h2>",
        "## Energy $E = mc^2$",
    ),
    "katex in a table": (
        f"<table><tr><th>a</th></tr><tr><td>{KATEX}</td></tr></table>",
        "| a |\n| --- |\n| $E = mc^2$ |",
    ),
    "github code": (
        '<div class="highlight highlight-source-python"><pre><span class="pl-k">def</span> f():\n    <span>pass</span></pre>'
        '<div class="zeroclipboard-container"><clipboard-copy>Copy</clipboard-copy></div></div>',
        "```python\ndef f():\n    pass\n```",
    ),
    "prism": (
        '<pre class="line-numbers language-js"><code class="language-js">a();\nb();<span aria-hidden="true" class="line-numbers-rows"><span></span></span></code></pre>',
        "```js\na();\nb();\n```",
    ),
    "signature": (
        '<dl class="py function"><dt class="sig" id="f"><code>f</code>(<em>x</em>)<a class="headerlink" href="#f" title="Link to this definition">¶</a></dt>'
        "<dd><p>Return <em>x</em>.</p><pre>f(1)</pre></dd></dl>",
        "`f`(*x*)\n:   Return *x*.\n\n    ```\n    f(1)\n    ```",
    ),
    "nested quote": (
        "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote>",
        "> a\n>\n> > b",
    ),
    "quiz": (
        '<form><p>2 + 2?</p><p><label><input type="radio"> 4</label></p><button>Check</button></form>',
        "2 + 2?\n\n4",
    ),
}


@pytest.mark.parametrize("name", INVENTED)
def test_part_of_another_page_is_written(tmp_path, name):
    given, written = INVENTED[name]
    assert converted(tmp_path, f"<div>{given}</div>") == written
