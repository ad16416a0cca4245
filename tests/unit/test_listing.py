"""The listing: the text, and the page with its scripts."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pykasm import *
from pykasm.encode.encoder import Encoder
from pykasm.lang.objects import assemble_program
from pykasm.listing.files import ADDRESSES, ListingFiles, UnitTexts, part_file, write_part
from pykasm.listing.highlight import highlighted
from pykasm.listing.maker import make_listing
from pykasm.listing.model import Instruction, UnitListing
from pykasm.listing.places import Blanks, LinkedImage
from pykasm.listing.text import unit_lines


class Shown(Subsystem):
    """Something to list."""

    rate = data(U32, 7)

    @function
    def run(self) -> None:
        """Use everything that a listing shows in its own way."""
        with while_(self.rate != 100):
            inc(self.rate)
            self.other()
        mov(rax, 0x1122334455667788)
        mov(gs[u64[rax + rcx * 8 + 0x12345678]], 0x12345678)

    @function
    def other(self) -> None:
        """Do nothing: 100%."""
        nop()  # 100% </script>


RATE, RUN, OTHER = 0x3000, 0xFFFFFFFF80001000, 0xFFFFFFFF80001100


@pytest.fixture
def units() -> list[UnitListing]:
    shown = Shown()
    program = Image(entry=shown.run, subsystems=[shown]).assemble()
    return make_listing(program, assemble_program(program, Encoder(), "."))


@pytest.fixture
def image() -> LinkedImage:
    """An image whose bytes tell where they are."""
    addresses = {"Shown.rate": RATE, "Shown.run": RUN, "Shown.other": OTHER}
    return LinkedImage(addresses, [(RUN, bytes(number % 251 for number in range(0x200)))])


def linked(units: list[UnitListing]) -> list[Instruction]:
    rows = [row for group in units[0].functions[0].groups for row in group.rows]
    return [row for row in rows if isinstance(row, Instruction) and row.linked]


def test_instructions_that_linking_changes_are_told_apart(units: list[UnitListing]) -> None:
    assert [row.mnemonic for row in linked(units)] == ["cmp", "inc", "call", "cmp"]


def test_a_filled_template_is_the_listing(units: list[UnitListing], image: LinkedImage) -> None:
    wanted = "".join(f"{line}\n" for line in unit_lines(units[0], image))
    assert UnitTexts.of(units[0]).text.filled(image) == wanted
    assert f"{RUN:016x}  55  " in wanted
    assert "100%" in wanted


def test_the_bytes_of_linked_instructions_are_those_of_the_image(
    units: list[UnitListing], image: LinkedImage
) -> None:
    text = UnitTexts.of(units[0]).text.filled(image)
    for row in linked(units):
        digits = bytes(number % 251 for number in range(row.offset, row.offset + len(row.code)))
        assert f"  {RUN + row.offset:016x}  {digits.hex():22}  {row.mnemonic}" in text


def test_long_instructions_go_on_below() -> None:
    blanks, image = Blanks(), LinkedImage({"f": 0x10}, [(0x10, bytes(range(16)))])
    text = f"{blanks.code('f', 0, 11)}\n{blanks.code('f', 11, 3)} {blanks.address('f', 1)}"
    filled = blanks.template(text).filled(image)
    assert filled == "000102030405060708090a\n0b0c0d 0000000000000011"


def script(path: Path) -> list[Any]:
    """The arguments of the call that a part's script is."""
    inside = re.fullmatch(r"part\((.*)\);\n", path.read_text(encoding="utf-8"))
    assert inside
    made: list[Any] = json.loads(f"[{inside[1]}]")
    return made


@pytest.fixture
def written(units: list[UnitListing], image: LinkedImage, tmp_path: Path) -> Path:
    for unit in units:
        write_part(unit, tmp_path)
    texts = [UnitTexts.of(unit) for unit in units]
    ListingFiles.of(texts, image, "a <kernel>").write(
        tmp_path / "kernel.lst", tmp_path / "kernel.html"
    )
    return tmp_path


def test_a_part_has_the_code_and_the_data(written: Path) -> None:
    name, functions, data = script(part_file("Shown", written))
    assert name == "Shown"
    assert [one[0] for one in functions] == ["Shown.run", "Shown.other"]
    assert data == [["Shown.rate", 4, "U32", "data"]]
    assert "&lt;" in str(functions)


def test_what_linking_tells_is_in_a_script_of_its_own(
    written: Path, units: list[UnitListing]
) -> None:
    text = (written / ADDRESSES).read_text(encoding="utf-8")
    lines = re.sub(r",\n};\n$", "}", text.removeprefix("const addresses = "))
    addresses = json.loads(lines)
    assert addresses["Shown.rate"] == [f"{RATE:016x}"]
    assert addresses["Shown.run"][0] == f"{RUN:016x}"
    _, functions, _ = script(part_file("Shown", written))
    rows = [row for _, _, shown in functions[0][4] for row in shown if isinstance(row, list)]
    blanks = [row for row in rows if row[1] == 0]
    assert len(blanks) == len(linked(units)) == len(addresses["Shown.run"]) - 1


def test_the_page_knows_what_is_where(written: Path) -> None:
    text = (written / "kernel.html").read_text(encoding="utf-8")
    assert "<title>a &lt;kernel&gt;</title>" in text
    assert "{{" not in text
    found = re.search(r"parts = (\[.*\]);", text)
    assert found
    ((name, size, functions, data),) = json.loads(found[1])
    assert (name, data) == ("Shown", ["Shown.rate"])
    assert size == sum(size for _, size in functions) + 4


def test_parts_of_subsystems_that_are_no_more_go(
    written: Path, units: list[UnitListing], image: LinkedImage
) -> None:
    gone = part_file("Gone", written)
    gone.write_text("")
    texts = [UnitTexts.of(unit) for unit in units]
    ListingFiles.of(texts, image, "kernel").write(written / "kernel.lst", written / "kernel.html")
    assert not gone.exists()
    assert part_file("Shown", written).exists()


@pytest.mark.parametrize(
    ("line", "page"),
    [
        ("ret(0)", 'ret(<span class="number">0</span>)'),
        (
            'with if_(a < "x\\"#"):  # why & how',
            '<span class="word">with</span> if_(a &lt; <span class="string">&quot;x\\&quot;#&quot;'
            '</span>):  <span class="comment"># why &amp; how</span>',
        ),
        ("text(b'it' f\"s\")", None),
    ],
)
def test_python_is_coloured(line: str, page: str | None) -> None:
    made = highlighted(line)
    assert page is None or made == page
    assert made.count("<span") == made.count("</span>")
