"""Writes small PDF, DOCX and EPUB files, byte by byte: what reads them is the only judge."""

import zipfile
from html import escape

HEADING, TEXT, CELL = 14, 10, 0


def pdf(path, *pages, title="", encrypted=False):
    """Write pages of ``(size, text)`` lines; the cells of a table are lists of rows."""
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{' '.join(f'{6 + 2 * n} 0 R' for n in range(len(pages)))}] "
        f"/Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        f"<< /Title ({title}) /Author (Ada) >>",
        f"<< /Filter /Standard /V 1 /R 2 /O ({'o' * 32}) /U ({'u' * 32}) /P -4 >>",
    ]
    for number, page in enumerate(pages):
        drawn = _drawn(page)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {7 + 2 * number} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
    content, offsets = "%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        offsets.append(len(content))
        content += f"{number} 0 obj\n{text}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    lock = "/Encrypt 5 0 R /ID [<00> <00>]" if encrypted else ""
    start = len(content)
    content += (
        f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer << /Size "
        f"{len(objects) + 1} /Root 1 0 R /Info 4 0 R {lock} >>\nstartxref\n"
        f"{start}\n%%EOF\n"
    )
    path.write_bytes(content.encode("latin-1"))
    return path


def _drawn(page):
    drawn, y = [], 740
    for size, text in page:
        if size == CELL:
            drawn += _table(text, y)
            y -= 20 * len(text) + 20
        else:
            drawn.append(f"BT /F1 {size} Tf 72 {y} Td ({text}) Tj ET")
            y -= 30 if size > TEXT else 12
    return "\n".join(drawn)


def _table(rows, top):
    right, bottom = 72 + 100 * len(rows[0]), top - 20 * len(rows)
    lines = [f"72 {top - 20 * n} m {right} {top - 20 * n} l S" for n in range(len(rows) + 1)]
    lines += [
        f"{72 + 100 * n} {top} m {72 + 100 * n} {bottom} l S" for n in range(len(rows[0]) + 1)
    ]
    return lines + [
        f"BT /F1 10 Tf {80 + 100 * column} {top - 14 - 20 * row} Td ({cell}) Tj ET"
        for row, cells in enumerate(rows)
        for column, cell in enumerate(cells)
    ]


WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
STYLES = "".join(
    f'<w:style w:type="paragraph" w:styleId="Heading{n}"><w:name w:val="heading {n}"/></w:style>'
    for n in (1, 2)
)


def docx(path, *paragraphs, title="", prolog=""):
    """Write paragraphs of ``(style, text)``; ``table`` has rows of cells, ``xml`` is as given."""
    body = "".join(_paragraph(style, text) for style, text in paragraphs)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        )
        archive.writestr(
            "_rels/.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            '<Relationship Id="r1" Target="word/document.xml" Type="http://schemas.openxmlformats.'
            'org/officeDocument/2006/relationships/officeDocument"/></Relationships>',
        )
        archive.writestr("word/styles.xml", f"<w:styles {WORD}>{STYLES}</w:styles>")
        archive.writestr(
            "word/_rels/document.xml.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            '<Relationship Id="r2" Target="styles.xml" Type="http://schemas.openxmlformats.org/'
            'officeDocument/2006/relationships/styles"/></Relationships>',
        )
        archive.writestr(
            "word/document.xml",
            f"{prolog}<w:document {WORD}><w:body>{body}</w:body></w:document>",
        )
        archive.writestr(
            "docProps/core.xml",
            '<cp:coreProperties xmlns:dc="http://purl.org/dc/elements/1.1/">'
            f"<dc:title>{escape(title)}</dc:title><dc:creator>Ada</dc:creator>"
            "</cp:coreProperties>",
        )
    return path


def _paragraph(style, text):
    if style == "xml":
        return text
    if style == "table":
        cells = [[f"<w:tc>{_paragraph('', cell)}</w:tc>" for cell in row] for row in text]
        rows = "".join(f"<w:tr>{''.join(row)}</w:tr>" for row in cells)
        return f"<w:tbl>{rows}</w:tbl>"
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"


def epub(path, *chapters, title="", encrypted=False):
    """Write chapters of HTML; they stand in the archive in another order than they are read."""
    names = [f"text/{len(chapters) - n}.xhtml" for n in range(len(chapters))]
    items = "".join(
        f'<item id="c{n}" href="{name}" media-type="application/xhtml+xml"/>'
        for n, name in enumerate(names)
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr(
            "META-INF/container.xml",
            '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>',
        )
        archive.writestr(
            "OPS/book.opf",
            f"<package><metadata><dc:title>{title}</dc:title><dc:creator>Ada</dc:creator>"
            "<dc:rights>CC BY 4.0</dc:rights></metadata><manifest>"
            '<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>'
            f'{items}</manifest><spine><itemref idref="nav"/>{spine}</spine></package>',
        )
        archive.writestr("OPS/nav.xhtml", "<html><body><nav>Contents</nav></body></html>")
        if encrypted:
            archive.writestr(
                "META-INF/encryption.xml",
                '<encryption><enc:EncryptedData><enc:CipherReference URI="OPS/text/1.xhtml"/>'
                "</enc:EncryptedData></encryption>",
            )
        for name, chapter in sorted(zip(names, chapters, strict=True)):
            archive.writestr(f"OPS/{name}", f"<html><body>{chapter}</body></html>")
    return path
