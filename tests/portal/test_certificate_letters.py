"""The letters of certificates: nothing of a name is left out, whatever it is written in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal import certificates, installed_fonts
from portal.certificate_letters import LATIN, Piece, Shaped, Written, pieces

builder = pytest.importorskip("fontTools.fontBuilder", reason="fontTools is not installed")
pens = pytest.importorskip("fontTools.pens.ttGlyphPen", reason="fontTools is not installed")


@pytest.fixture
def fonts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the fonts that are installed: none at first."""
    monkeypatch.setattr(installed_fonts, "FOLDERS", (str(tmp_path / "fonts"),))
    (tmp_path / "fonts").mkdir()
    installed_fonts._files.cache_clear()
    yield tmp_path / "fonts"
    installed_fonts._files.cache_clear()


def install(folder: Path, name: str, letters: str) -> None:
    """A font of squares, half as wide as they are high."""
    glyphs = [".notdef", *(f"u{ord(letter):04X}" for letter in letters)]
    font = builder.FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder(glyphs)
    font.setupCharacterMap({ord(letter): f"u{ord(letter):04X}" for letter in letters})
    pen = pens.TTGlyphPen(None)
    pen.moveTo((0, 0))
    pen.qCurveTo((0, 800), (250, 800))
    pen.lineTo((500, 0))
    pen.closePath()
    shape = pen.glyph()
    font.setupGlyf(dict.fromkeys(glyphs, shape))
    font.setupHorizontalMetrics(dict.fromkeys(glyphs, (500, 0)))
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": name, "styleName": "Regular"})
    font.setupPost()
    font.save(folder / f"{name}.ttf")


def said(found: list[Piece]) -> list[tuple[str, str] | float]:
    return [(piece.text, piece.font) if isinstance(piece, Written) else round(piece.width, 2) for piece in found]


@pytest.mark.usefixtures("fonts")
def test_letters_that_come_with_paddock_are_one_text() -> None:
    assert said(pieces("Grand Prix de Bâle", bold=False)) == [("Grand Prix de Bâle", LATIN)]


def test_other_letters_are_drawn_from_a_font_that_is_installed(fonts: Path) -> None:
    install(fonts, "Sans-Regular", "गति ौड़द")
    found = pieces("गति 2026", bold=False)
    assert said(found)[1:] == [(" ", LATIN), ("2026", LATIN)]
    assert isinstance(found[0], Shaped)
    verbs = [verb for verb, _ in found[0].outline.moves]
    assert verbs.count("moveTo") == verbs.count("close") == verbs.count("curveTo") == len("गति")


@pytest.mark.usefixtures("fonts")
def test_without_one_chinese_japanese_and_korean_are_left_to_the_readers_fonts() -> None:
    assert said(pieces("春のレース Cup", bold=False))[0] == ("春のレース", "HeiseiKakuGo-W5")
    assert said(pieces("봄 경주", bold=True)) == [("봄 경주", "HYGothic-Medium")]
    mixed = said(pieces("张 서울", bold=False))
    assert [font for _, font in mixed] == ["STSong-Light", "HeiseiKakuGo-W5", *["HYGothic-Medium"] * 2]  # type: ignore[misc]


def test_installed_fonts_come_first_so_that_no_reader_has_to_have_them(fonts: Path) -> None:
    install(fonts, "Sans-Regular", "春の")
    assert said(pieces("春の", bold=False)) == [1.0]


def test_a_line_that_begins_right_to_left_is_read_from_the_right(fonts: Path) -> None:
    install(fonts, "Sans-Regular", "سباق")
    assert said(pieces("سباق 2026", bold=False)) == [("2026", LATIN), (" ", LATIN), 2.0]
    assert said(pieces("Cup سباق", bold=False)) == [("Cup", LATIN), (" ", LATIN), 2.0]


def test_what_no_font_has_leaves_a_box_for_each_letter(fonts: Path) -> None:
    (fonts / "broken.ttf").write_bytes(b"no font at all")
    assert said(pieces("⛄⛄ Cup", bold=False)) == [("⛄", LATIN), ("⛄", LATIN), (" ", LATIN), ("Cup", LATIN)]


def test_every_name_becomes_a_page_and_a_long_one_a_smaller_line(fonts: Path) -> None:
    install(fonts, "Sans-Regular", "سباق")

    def page(race: str) -> certificates.Certificate:
        return certificates.Certificate("Certificate", "alice", "Place 1 of 2", race, "facts", "Club", "http://x", True)

    names = ("Grand Prix de Bâle", "Гран-при", "春のレース", "봄 경주", "سباق", "⛄" * 90, "سباق" * 40)
    drawn = certificates.write("All", [page(name) for name in names])
    assert drawn.count(b"/Type /Page\n") == len(names)
    for font in (b"HeiseiKakuGo-W5", b"HYGothic-Medium"):
        assert font in drawn
    assert drawn == certificates.write("All", [page(name) for name in names]), "the same bytes each time"
