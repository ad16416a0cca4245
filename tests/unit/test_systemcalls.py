"""What is said of system calls: by numbers, names and parameters."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kernel.entry.parameterkind import ParameterForm
from kernel.entry.systemcalldescriptions import descriptions, summary
from kernel.entry.systemcallparameters import PARAMETERS
from kernel.entry.systemcalls import NUMBERS

MOST = 6
"""Parameters that a system call can have."""


def test_each_call_is_described_once() -> None:
    found = descriptions()
    assert [one.number for one in found] == sorted(NUMBERS)
    assert len({one.name for one in found}) == len(found)


HEADER = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")


def test_numbers_and_names_are_those_of_linux() -> None:
    if not HEADER.exists():
        pytest.skip("the headers of Linux are not installed (Debian's package linux-libc-dev)")
    found = re.findall(r"#define __NR_(\w+) (\d+)", HEADER.read_text())
    known = {int(number): name for name, number in found}
    assert {one.number: one.name for one in descriptions()}.items() <= known.items()
    assert PARAMETERS.keys() <= {*known.values()}


def test_kinds_fit_the_parameters_of_handlers() -> None:
    for number, name, parameters in descriptions():
        handler = NUMBERS[number].signature().parameters
        assert len(handler) <= len(parameters) <= MOST, name
        for parameter, own in zip(parameters, handler, strict=False):
            assert not parameter.kind.is_address or own.type._size == 8, f"{name}: {own.name}"


def test_bytes_have_a_length_behind_them() -> None:
    for _, name, parameters in descriptions():
        kinds = [one.kind.form for one in parameters]
        for form, behind in zip(kinds, [*kinds[1:], None], strict=False):
            if form in (ParameterForm.INPUT, ParameterForm.OUTPUT):
                assert behind is ParameterForm.LENGTH, name


def test_records_show_fields_within_them() -> None:
    for _, name, parameters in descriptions():
        for one in parameters:
            assert all(f.offset + f.size <= one.kind.size for f in one.kind.fields), name


def test_parameters_of_open_are_known() -> None:
    call = next(one for one in descriptions() if one.name == "openat")
    forms = [one.kind.form for one in call.parameters]
    assert forms == [
        *(ParameterForm.DIRECTORY, ParameterForm.TEXT, ParameterForm.FLAGS, ParameterForm.OCTAL)
    ]
    assert [one.size for one in call.parameters] == [4, 8, 4, 4]
    assert call.parameters[2].kind.names["O_CLOEXEC"] == 0o2000000


def test_the_readme_has_the_table_of_calls() -> None:
    readme = Path(__file__).parents[2] / "kernel" / "README.md"
    assert summary() in readme.read_text(encoding="utf-8"), "`scripts/make-systemcalls` writes it"
