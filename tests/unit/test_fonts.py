"""Bitmap fonts, read from what packages bring and from what people put there."""

from pathlib import Path

import pytest

from pykasm import toolchain
from pykasm.build.version import builder_version
from pykasm.errors import PykasmError
from pykasm.fonts import BitmapFont
from pykasm.toolchain import ToolsMissing

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
    with pytest.raises(PykasmError, match="font"):
        BitmapFont(contents)


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
