"""Bitmap fonts, read from what packages bring and from what people put there."""

import gzip
from pathlib import Path

import pytest

from kernel.console.glyphs import CHARACTERS, LARGE, SMALL
from pykasm import toolchain
from pykasm.build.version import builder_version
from pykasm.errors import Collector, FontMistake, PykasmError, collecting
from pykasm.fonts import BitmapFont, Pin
from pykasm.toolchain import ToolsMissing, located

FONTS = {"Spleen 8x16": (8, 16), "Spleen 16x32": (16, 32)}


@pytest.mark.parametrize("tool", FONTS)
def test_a_font_has_its_size_and_letters(tool: str) -> None:
    font = BitmapFont.installed(tool)
    assert (font.width, font.height) == FONTS[tool]
    assert font.rows(" ") == [0] * font.height
    assert font.rows("█") == [(1 << font.width) - 1] * font.height
    assert font.rows("▌") == [((1 << font.width // 2) - 1) << font.width // 2] * font.height
    assert any(font.rows("Ä"))
    with pytest.raises(PykasmError, match="no glyph"):
        font.rows("漢")


def bdf(font: BitmapFont, characters: str) -> bytes:
    """A BDF file with some of the letters of `font`."""
    digits = -(-font.width // 8) * 2
    lines = ["STARTFONT 2.1", "COMMENT ENCODING is no word here", f"CHARS {len(characters)}"]
    for one in characters:
        rows = (f"{row << digits * 4 - font.width:0{digits}X}" for row in font.rows(one))
        lines += [f"STARTCHAR {ord(one):04X}", f"ENCODING {ord(one)}"]
        lines += [f"BBX {font.width} {font.height} 0 -4", "BITMAP", *rows, "ENDCHAR"]
    return "\n".join([*lines, "ENDFONT", ""]).encode()


@pytest.mark.parametrize("tool", FONTS)
def test_both_forms_of_a_font_say_the_same(tool: str) -> None:
    compiled = BitmapFont.installed(tool)
    text = BitmapFont(bdf(compiled, "aÄ▒"))
    assert [text.rows(one) for one in "aÄ▒"] == [compiled.rows(one) for one in "aÄ▒"]


def test_a_font_is_found_in_the_folder_of_a_person(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usual = BitmapFont.installed("Spleen 8x16")
    monkeypatch.setattr(toolchain, "TOOLS", {"Spleen 8x16": homely(toolchain.TOOLS["Spleen 8x16"])})
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ToolsMissing, match="Spleen 8x16: for the letters on framebuffers"):
        BitmapFont.installed("Spleen 8x16")
    folder = tmp_path / ".local/share/fonts"
    folder.mkdir(parents=True)
    (folder / "spleen-8x16.bdf").write_bytes(bdf(usual, "x"))
    assert BitmapFont.installed("Spleen 8x16").rows("x") == usual.rows("x")


def homely(tool: toolchain.Tool) -> toolchain.Tool:
    """The same, looked for at home alone."""
    files = tuple(file for file in tool.files if file.startswith("~"))
    return toolchain.Tool(tool.package, tool.purpose, files)


@pytest.mark.parametrize("contents", [b"", b"\x01fcp", b"\x01fcp" + b"\xff" * 40, b"BITMAP\n00\n"])
def test_what_is_no_font_is_told(contents: bytes) -> None:
    with pytest.raises(FontMistake, match="font"):
        BitmapFont(contents)


def forms() -> dict[str, bytes]:
    """A font in each form of file."""
    packed = located("Spleen 8x16").read_bytes()
    return {
        "pcf.gz": packed,
        "pcf": gzip.decompress(packed),
        "bdf": bdf(BitmapFont(packed), "aÄ▒"),
    }


@pytest.mark.parametrize("form", ["pcf.gz", "pcf", "bdf"])
@pytest.mark.parametrize("tenths", range(10))
def test_a_font_of_which_the_end_is_missing_is_told(form: str, tenths: int) -> None:
    whole = forms()[form]
    kept = whole[: len(whole) * tenths // 10]
    with pytest.raises(FontMistake, match=r"Spleen.* is damaged\n(.*\n)*help: install it again"):
        BitmapFont(kept, "Spleen")


@pytest.mark.parametrize("removed", ["BITMAP\n00\n", "00\nENDCHAR\n", "ENDFONT\n"])
def test_a_font_out_of_which_something_is_missing_is_told(removed: str) -> None:
    whole = forms()["bdf"]
    assert removed.encode() in whole
    with pytest.raises(FontMistake, match="damaged"):
        BitmapFont(whole.replace(removed.encode(), b"", 1))


@pytest.mark.parametrize(("tool", "pin"), [("Spleen 8x16", SMALL), ("Spleen 16x32", LARGE)])
def test_the_letters_that_are_installed_are_those_that_are_pinned(tool: str, pin: Pin) -> None:
    font = BitmapFont.installed(tool)
    with collecting(Collector()) as build:
        for one in font, BitmapFont(bdf(font, "".join(CHARACTERS))):
            one.letters(CHARACTERS, pin)
    assert build.warnings == []


def test_other_letters_than_are_pinned_are_warned_of_where_they_are() -> None:
    font = BitmapFont(bdf(BitmapFont.installed("Spleen 8x16"), "ab"), "Spleen")
    pin = Pin("Spleen 1 to 2", "0" * 64)
    with collecting(Collector()) as build:
        letters = font.letters("ab", pin)
    assert letters == font.rows("a") + font.rows("b")
    (warning,) = build.warnings
    head, place, line, _, expected, got, fix = str(warning).splitlines()
    assert head == "warning[font]: Spleen has other letters than are pinned"
    assert Path(place.partition(":")[0].strip()).name == Path(__file__).name
    assert line.endswith('pin = Pin("Spleen 1 to 2", "0" * 64)')
    assert expected == "expected: those of Spleen 1 to 2, of which this is the SHA-256 digest"
    again = Pin("Spleen 3", got.removeprefix("got: "))
    assert fix == "help: install one of Spleen 1 to 2; or, to take these letters, pin them here"
    with collecting(Collector()) as build:
        font.letters("ab", again)
    assert build.warnings == []


def test_letters_are_taken_without_a_build_that_could_warn() -> None:
    font = BitmapFont.installed("Spleen 8x16")
    assert font.letters("a", Pin("none", "")) == font.rows("a")


def test_a_letter_that_a_font_lacks_is_told_with_a_way_out() -> None:
    font = BitmapFont(bdf(BitmapFont.installed("Spleen 8x16"), "ab"), "Spleen")
    with pytest.raises(FontMistake, match=r"Spleen has no glyph for 'c'\n(.*\n)*help: install"):
        font.letters("abc", SMALL)


def test_another_version_of_a_font_is_another_builder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = builder_version()
    other = tmp_path / "spleen.bdf"
    other.touch()
    tools = dict(toolchain.TOOLS)
    tools["Spleen 8x16"] = toolchain.Tool("fonts-spleen", "", (str(other),))
    monkeypatch.setattr(toolchain, "TOOLS", tools)
    builder_version.cache_clear()
    assert builder_version() != before
    monkeypatch.undo()
    builder_version.cache_clear()
