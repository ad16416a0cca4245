"""Slips in a module's syntax tree."""

from __future__ import annotations

import ast
import random
import string
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any

Slip = Callable[[ast.Module, random.Random], bool]
"""Changes a tree in one place; whether there was one."""

ODD = (
    *("None", "'text'", "1.5", "-1", "1 << 70", "[1]", "U64", "b'x'", "True", "()", "{}", "..."),
    *(
        "lambda: 0",
        "object()",
        "object",
        "float('nan')",
        "rax",
        "al",
        "xmm0",
        "cs",
        "self",
        "Struct",
    ),
    *(
        "Ptr",
        "Ptr[U64]",
        "Array[U8]",
        "Fn[[U64], U64]",
        "u64[rax]",
        "rax == 1",
        "CF",
        "mov",
        "keep",
    ),
    *(
        "Label('odd')",
        "text('odd')",
        "symbol('odd')",
        "0x1234567890",
        "{'a': 1}",
        "rax + 1",
    ),
    *(
        "bss(U64)",
        "Block(size=1)",
        "Block",
        "State.FREE",
        "address_of",
        "range(3)",
        "'\\0'",
        "Keep[U8]",
    ),
)
"""What nobody expects in most places."""

RAISING = (
    *("1 / 0", "[][1]", "raise ValueError('no')", "{}['x']", "int('x')", "assert False", "nowhere"),
    *("None.x", "'a' + 1", "open('/nowhere')", "import nowhere", "from small import nowhere"),
    *("raise KeyError", "len(5)", "raise RecursionError('deep')", "next(iter(()))", "'%d' % 'x'"),
    *("raise Exception('two\\nlines')", "raise StopIteration", "(lambda: (lambda: 1 / 0)())()"),
)
"""What Python itself refuses."""

ANNOTATIONS = (
    *("U8", "U32", "I64", "int", "str", "None", "'Nowhere'", "Ptr", "Ptr['Nowhere']", "Array[U8]"),
    *("Fn", "Fn[[U64], U64]", "tuple[U64, U64]", "tuple[U64, U64, U64]", "list[U64]", "X128", "5"),
    *("Block", "Block * 3", "Keep[U64]", "Keep", "Condition", "Bool", "Any", "U64 | None", "Void"),
    *("Ptr[Ptr[Block]]", "User[U8]", "NoReturn", "Iterator[None]", "Ptr[5]", "Fn[U64, U64]", "''"),
)

DECORATORS = (
    *(
        "function",
        "function()",
        "inline",
        "inline()",
        "interrupt",
        "interrupt()",
        "naked",
        "naked()",
    ),
    *("entry", "entry()", "entry(bits=16)", "emits", "interns", "property", "staticmethod"),
    *("classmethod", "contextmanager", "function(sleeps=True)", "function(holds='x.y')"),
    *("function(clobbers=(rbx,))", "inline(changes='nothing')", "function(context='nowhere')"),
    *("naked(stack='much')", "naked(bits=8)", "function(5)", "function(unknown=True)", "5", "U64"),
    *("function(allow={'E999': 'so'})", "function(recursion=-1)", "function(allow='E012')"),
    *("function(clobbers=rax)", "function(acquires='self')", "inline(changes=(xmm0, 5))"),
)

BASES = (
    "Subsystem",
    "Struct",
    "Component",
    "Union",
    "object",
    "Steps",
    "Image",
    "IntEnum",
    "Block",
)

STATEMENTS = (
    *("return", "return 5", "break_()", "continue_()", "yield", "ret()", "ret(5)", "ret(1, 2, 3)"),
    *("mov(rax)", "mov()", "mov(1, 2)", "jmp(5)", "call(5)", "call('x')", "push(al)", "rep()"),
    *("lock.mov(rax, rbx)", "lock.nowhere()", "with if_(rax): pass", "if_(rax == 1)", "else_()"),
    *("with else_(): pass", "with switch(rax): nop()", "with case(1): pass", "int(3)", "hlt"),
    *("rax += 1", "rax = 5", "self.odd = bss(U64)", "self.odd = 5", "del self.ports", "global x"),
    *("place(Label('x'))", "jmp(Label('x'))", "release(rax)", "keep(U64)", "local(Struct)"),
    *("with loop(): pass", "with loop() as x: break_(x)", "with for_(rax, 0, 'x') as i: pass"),
    *(
        "taking(5)",
        "releasing(None)",
        "asserts(5)",
        "errdefer(5)",
        "fail(5)",
        "fail('x')",
        "try_(5)",
    ),
    *(
        "tail(5)",
        "tail(self)",
        "ignore(5)",
        "address_of(5)",
        "point_at(rax, 5, 6)",
        "align_code(3)",
    ),
    *("with stub('x'): ret()", "stub('x')", "with allowed('E012'): pass", "allowed(5, 6)"),
    *("with unshared(5): pass", "cast(rax, 5)", "cast(5, U64)", "at(5)", "text(5)", "symbol(5)"),
    *("u64[rax, 5]", "mov(rax, u64['x'])", "mov(rax, gs[5])", "mov(rax, bare[rax])", "never"),
    *("mov(rax, u64[rax + rbx + rcx])", "lea(rax, symbol('nobody'))", "call(symbol('nobody'))"),
    *("far(1, 2)", "physical(5)", "container_of(rax, Block, 'nowhere')", "offsetof(5, 'x')"),
    *("sizeof(5)", "U64 * -1", "U64 * 'x'", "Ptr[U64][U8]", "breaking_open(5)", "break_if(5)"),
    *(
        "with while_(5): pass",
        "with do_while(None): pass",
        "elif_(CF)",
        "default()",
        "debugging(5)",
    ),
    *(
        "def inner(): ret()",
        "class Inner(Struct): x: 5",
        "class Inner(Subsystem): pass",
        "async_ = 1",
    ),
    *("for x in rax: pass", "while rax: pass", "if rax == 1: nop()", "assert rax"),
    *("f'{rax:x}'", "rax and rbx", "rax.x", "rax()", "self.x.y.z", "self()", "-rax"),
    *("self.tick()", "self.nowhere()", "self.run(1, 2)", "self.find(size=1)", "self[0]", "~rax"),
)
"""Statements that are wrong in most places."""


def parsed(text: str) -> Any:
    """The expression `text`, as a tree of its own."""
    return ast.parse(text, mode="eval").body


def _pick(tree: ast.AST, kind: Any, chance: random.Random, test: Any = lambda one: True) -> Any:
    """One of the nodes of `kind` in `tree`; None if there is none."""
    found = [one for one in ast.walk(tree) if isinstance(one, kind) and test(one)]
    return chance.choice(found) if found else None


def _blocks(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    """All lists of statements in `tree`."""
    for node in ast.walk(tree):
        for _, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                yield value


def _block(tree: ast.AST, chance: random.Random) -> list[ast.stmt]:
    return chance.choice([*_blocks(tree)])


def typo(name: str, chance: random.Random) -> str:
    """`name` with a letter too many, missing, wrong, or two in the other order."""
    at = chance.randrange(len(name))
    letter = chance.choice(string.ascii_lowercase)
    swapped = name[:at] + name[at : at + 2][::-1] + name[at + 2 :]
    others = [name[:at] + letter + name[at:], name[:at] + letter + name[at + 1 :], swapped]
    if len(name) > 1 and not name[1].isdigit():
        others.append(name[:at] + name[at + 1 :])
    made = chance.choice(others)
    return made if made.isidentifier() else f"{name}x"


class _Replace(ast.NodeTransformer):
    """Puts `other` in place of `node`."""

    def __init__(self, node: ast.AST, other: Any) -> None:
        self.node = node
        self.other = other

    def visit(self, node: ast.AST) -> Any:
        return self.other if node is self.node else self.generic_visit(node)


def _replace(tree: ast.AST, node: ast.AST, other: Any) -> bool:
    _Replace(node, other).visit(tree)
    return True


# Statements


def delete(tree: ast.Module, chance: random.Random) -> bool:
    """A statement less."""
    block = _block(tree, chance)
    block[chance.randrange(len(block))] = ast.Pass()
    return True


def duplicate(tree: ast.Module, chance: random.Random) -> bool:
    """A statement twice."""
    block = _block(tree, chance)
    at = chance.randrange(len(block))
    block.insert(at, deepcopy(block[at]))
    return True


def swap(tree: ast.Module, chance: random.Random) -> bool:
    """Two statements in the other order."""
    block = _block(tree, chance)
    if len(block) < 2:
        return False
    at = chance.randrange(len(block) - 1)
    block[at : at + 2] = block[at + 1], block[at]
    return True


def move(tree: ast.Module, chance: random.Random) -> bool:
    """A statement elsewhere."""
    block, other = _block(tree, chance), _block(tree, chance)
    statement = chance.choice(block)
    other.insert(chance.randrange(len(other) + 1), deepcopy(statement))
    return True


def insert(tree: ast.Module, chance: random.Random) -> bool:
    """A wrong statement more."""
    block = _block(tree, chance)
    block.insert(chance.randrange(len(block) + 1), ast.parse(chance.choice(STATEMENTS)).body[0])
    return True


def insert_in_code(tree: ast.Module, chance: random.Random) -> bool:
    """A wrong statement more in a method."""
    one = _pick(tree, ast.FunctionDef, chance)
    return one is not None and insert(one, chance)


def fail(tree: ast.Module, chance: random.Random) -> bool:
    """A statement that Python refuses: in a module, a class, a constructor or a body."""
    block = _block(tree, chance)
    block.insert(chance.randrange(len(block) + 1), ast.parse(chance.choice(RAISING)).body[0])
    return True


def nest(tree: ast.Module, chance: random.Random) -> bool:
    """A body in a function of its own."""
    one = _pick(tree, ast.FunctionDef, chance)
    if one is None:
        return False
    inner = ast.parse("def inner(): pass\ninner()").body
    inner[0].body, one.body = one.body, inner  # type: ignore[attr-defined]
    return True


def without_with(tree: ast.Module, chance: random.Random) -> bool:
    """A block without its `with`, or a word without its block."""
    one = _pick(tree, ast.With, chance)
    if one is None:
        return False
    word = [ast.Expr(one.items[0].context_expr)] if chance.random() < 0.5 else []
    return _replace(tree, one, [*word, *one.body])


def with_name(tree: ast.Module, chance: random.Random) -> bool:
    """A name behind `as` that is not there, or one less."""
    one = _pick(tree, ast.withitem, chance)
    if one is None:
        return False
    one.optional_vars = None if one.optional_vars else ast.Name("thing", ast.Store())
    return True


def python_flow(tree: ast.Module, chance: random.Random) -> bool:
    """Python's own flow in place of the machine's."""
    one = _pick(tree, ast.With, chance, lambda one: isinstance(one.items[0].context_expr, ast.Call))
    if one is None or not one.items[0].context_expr.args:
        return False
    test = one.items[0].context_expr.args[0]
    made: Any = ast.If(test, one.body, [])
    if chance.random() < 0.3:
        made = ast.For(ast.Name("x", ast.Store()), test, one.body, [])
    return _replace(tree, one, made)


def assignment(tree: ast.Module, chance: random.Random) -> bool:
    """An assignment of Python's in place of an instruction."""
    one = _pick(tree, ast.Expr, chance, _has_two_operands)
    if one is None:
        return False
    target, value = one.value.args[:2]
    if not isinstance(target, ast.Name | ast.Attribute | ast.Subscript):
        return False
    target.ctx = ast.Store()
    plain = chance.random() < 0.5
    made: Any = ast.Assign([target], value) if plain else ast.AugAssign(target, ast.Add(), value)
    return _replace(tree, one, made)


def _has_two_operands(one: ast.Expr) -> bool:
    return isinstance(one.value, ast.Call) and len(one.value.args) > 1


# Names


def rename(tree: ast.Module, chance: random.Random) -> bool:
    """A typo in a name that is used."""
    one = _pick(tree, ast.Name, chance)
    one.id = typo(one.id, chance)
    return True


def rename_attribute(tree: ast.Module, chance: random.Random) -> bool:
    """A typo in an attribute."""
    one = _pick(tree, ast.Attribute, chance)
    if one is not None:
        one.attr = typo(one.attr, chance)
    return one is not None


def rename_definition(tree: ast.Module, chance: random.Random) -> bool:
    """A typo where something gets its name."""
    one = _pick(tree, ast.FunctionDef | ast.ClassDef | ast.arg | ast.keyword, chance)
    if one is None:
        return False
    field = "arg" if isinstance(one, ast.arg | ast.keyword) else "name"
    setattr(one, field, typo(getattr(one, field) or "x", chance))
    return True


def other_name(tree: ast.Module, chance: random.Random) -> bool:
    """Another of the module's names."""
    one, other = _pick(tree, ast.Name, chance), _pick(tree, ast.Name, chance)
    one.id = other.id
    return True


REGISTERS = (
    "rax",
    "eax",
    "ax",
    "al",
    "ah",
    "rcx",
    "r11",
    "r11d",
    "xmm1",
    "rsp",
    "rbx",
    "cr3",
    "ds",
)
TYPES = ("U8", "U16", "U32", "U64", "I8", "I32", "I64", "X48", "X128", "Bool", "Void")


def width(tree: ast.Module, chance: random.Random) -> bool:
    """Another width of a register or a type."""
    one = _pick(tree, ast.Name, chance, lambda one: one.id in (*REGISTERS, *TYPES))
    if one is None:
        return False
    one.id = chance.choice(REGISTERS if one.id in REGISTERS else TYPES)
    return True


def imports(tree: ast.Module, chance: random.Random) -> bool:
    """A typo in an import, another module, or one import less."""
    one = _pick(tree, ast.ImportFrom, chance)
    if one is None:
        return False
    match chance.randrange(4):
        case 0:
            one.module = typo(one.module, chance)
        case 1:
            chance.choice(one.names).name = "Nowhere" if one.names[0].name == "*" else "run"
        case 2:
            tree.body.remove(one)
        case _:
            one.module = f"small.{chance.choice(MODULES)}"
    return True


MODULES = ("types", "boot", "blocks", "devices", "main", "contents", "image", "nowhere")


def circle(tree: ast.Module, chance: random.Random) -> bool:
    """An import that maybe goes round in a circle."""
    module = chance.choice(MODULES)
    what = chance.choice(("*", "CONTENTS", "Main", "Blocks", "image", "Block"))
    tree.body.insert(1, ast.parse(f"from small.{module} import {what}").body[0])
    return True


# Expressions


def odd_constant(tree: ast.Module, chance: random.Random) -> bool:
    """Something odd in place of a number or a text."""
    one = _pick(tree, ast.Constant, chance)
    return one is not None and _replace(tree, one, parsed(chance.choice(ODD)))


def odd_argument(tree: ast.Module, chance: random.Random) -> bool:
    """Something odd in place of an argument."""
    call = _pick(tree, ast.Call, chance, lambda one: one.args)
    if call is not None:
        call.args[chance.randrange(len(call.args))] = parsed(chance.choice(ODD))
    return call is not None


def odd_expression(tree: ast.Module, chance: random.Random) -> bool:
    """Something odd in place of any expression."""
    one = _pick(tree, ast.expr, chance, _is_read)
    return one is not None and _replace(tree, one, parsed(chance.choice(ODD)))


def other_expression(tree: ast.Module, chance: random.Random) -> bool:
    """Another expression of the module."""
    one, other = (_pick(tree, ast.expr, chance, _is_read) for _ in range(2))
    return one is not None and _replace(tree, one, deepcopy(other))


def _is_read(one: Any) -> bool:
    is_part = isinstance(one, ast.Slice | ast.Starred | ast.FormattedValue | ast.JoinedStr)
    return not is_part and isinstance(getattr(one, "ctx", ast.Load()), ast.Load)


def arguments(tree: ast.Module, chance: random.Random) -> bool:
    """Arguments in the other order, one less, one more, one twice, none, or one with a name."""
    call = _pick(tree, ast.Call, chance)
    if call is None:
        return False
    given = call.args
    match chance.randrange(6):
        case 0:
            given.reverse()
        case 1 if given:
            given.pop(chance.randrange(len(given)))
        case 2:
            given.append(parsed(chance.choice(ODD)))
        case 3 if given:
            given.append(deepcopy(chance.choice(given)))
        case 4:
            call.args, call.keywords = [], []
        case _:
            name = chance.choice(("a", "size", "align", "bits", "initial", "kind", "value"))
            call.keywords.append(ast.keyword(name, parsed(chance.choice(ODD))))
    return True


def call(tree: ast.Module, chance: random.Random) -> bool:
    """A call without parentheses, or parentheses where there is none."""
    one = _pick(tree, ast.Call, chance)
    if one is not None and chance.random() < 0.5:
        return _replace(tree, one, one.func)
    one = _pick(tree, ast.Name | ast.Attribute, chance, _is_read)
    return _replace(tree, one, ast.Call(deepcopy(one), [], []))


def shorten(tree: ast.Module, chance: random.Random) -> bool:
    """A path without its last or its middle part."""
    one = _pick(tree, ast.Attribute, chance, _is_read)
    return one is not None and _replace(tree, one, one.value)


def wrap(tree: ast.Module, chance: random.Random) -> bool:
    """An expression in something else."""
    one = _pick(tree, ast.expr, chance, _is_read)
    around = ("[{}]", "({},)", "lambda: {}", "not {}", "-{}", "{} + 1", "{} or 1", "{}[0]", "*{}")
    around += (
        "{} if rax else 0",
        "u8({})",
        "address_of({})",
        "keep({})",
        "{}.x",
        "type({})",
        "~{}",
    )
    text = chance.choice(around).format(f"({ast.unparse(one)})")
    return _replace(tree, one, parsed(f"f({text})").args[0])


def compare(tree: ast.Module, chance: random.Random) -> bool:
    """Another comparison, Python's `and`, or a chain."""
    one = _pick(tree, ast.Compare | ast.BinOp, chance)
    if one is None:
        return False
    if isinstance(one, ast.Compare):
        operators = (ast.Is(), ast.In(), ast.Lt(), ast.NotEq(), ast.GtE())
        one.ops[0] = chance.choice(operators)
        if chance.random() < 0.3:
            one.ops.append(ast.Lt())
            one.comparators.append(parsed("10"))
        return True
    operator = chance.choice((ast.And(), ast.Or()))
    return _replace(tree, one, ast.BoolOp(operator, [one.left, one.right]))


def constant(tree: ast.Module, chance: random.Random) -> bool:
    """Another number."""
    one = _pick(tree, ast.Constant, chance, lambda one: type(one.value) is int)
    if one is not None:
        one.value = chance.choice((-1, 0, 3, 255, 256, 65536, 1 << 31, 1 << 32, 1 << 63, 1 << 64))
    return one is not None


# Definitions


def decorators(tree: ast.Module, chance: random.Random) -> bool:
    """A decorator less, more, or another one."""
    one = _pick(tree, ast.FunctionDef, chance)
    if one is None:
        return False
    listed = one.decorator_list
    if listed and chance.random() < 0.7:
        listed.pop(chance.randrange(len(listed)))
    if chance.random() < 0.7:
        listed.insert(chance.randrange(len(listed) + 1), parsed(chance.choice(DECORATORS)))
    return True


def annotation(tree: ast.Module, chance: random.Random) -> bool:
    """Another annotation, or one less."""
    one = _pick(tree, ast.arg | ast.AnnAssign | ast.FunctionDef, chance)
    if one is None:
        return False
    made = parsed(chance.choice(ANNOTATIONS))
    if isinstance(one, ast.FunctionDef):
        one.returns = None if chance.random() < 0.2 else made
    elif isinstance(one, ast.arg) and chance.random() < 0.2:
        one.annotation = None
    else:
        one.annotation = made
    return True


def parameters(tree: ast.Module, chance: random.Random) -> bool:
    """A parameter more or less, a default, or any number of them."""
    one = _pick(tree, ast.FunctionDef, chance)
    if one is None:
        return False
    takes = one.args
    match chance.randrange(5):
        case 0 if takes.args:
            takes.args.pop(chance.randrange(len(takes.args)))
        case 1:
            takes.args.append(ast.arg("more", parsed(chance.choice(ANNOTATIONS))))
        case 2 if takes.args:
            takes.defaults = [parsed(chance.choice(ODD))]
        case 3:
            takes.vararg = ast.arg("rest")
        case _:
            takes.kwonlyargs, takes.kw_defaults = [ast.arg("named")], [None]
    return True


def bases(tree: ast.Module, chance: random.Random) -> bool:
    """Another base class, one more, or another option of the class."""
    one = _pick(tree, ast.ClassDef, chance)
    if one is None:
        return False
    match chance.randrange(3):
        case 0:
            one.bases = [parsed(chance.choice(BASES))]
        case 1:
            one.bases.append(parsed(chance.choice(BASES)))
        case _:
            options = ("packed", "align", "size", "unknown")
            one.keywords.append(ast.keyword(chance.choice(options), parsed(chance.choice(ODD))))
    return True


def asynchronous(tree: ast.Module, chance: random.Random) -> bool:
    """`async` before a `def`."""
    one = _pick(tree, ast.FunctionDef, chance)
    if one is None:
        return False
    parts = (one.name, one.args, one.body, one.decorator_list, one.returns)
    return _replace(tree, one, ast.AsyncFunctionDef(*parts))


def generator(tree: ast.Module, chance: random.Random) -> bool:
    """A `yield` or a `return` in a body."""
    one = _pick(tree, ast.FunctionDef, chance)
    if one is not None:
        text = chance.choice(("yield", "yield 5", "return 5", "return", "yield from ()"))
        one.body.insert(chance.randrange(len(one.body) + 1), ast.parse(text).body[0])
    return one is not None


SLIPS: Sequence[Slip] = (
    *(delete, duplicate, swap, move, insert, insert_in_code, insert_in_code, fail, nest),
    *(without_with, with_name, python_flow, assignment, rename, rename, rename_attribute),
    *(rename_definition, other_name, width, imports, circle, odd_constant, odd_argument),
    *(odd_expression, other_expression, arguments, arguments, call, shorten, wrap, compare),
    *(constant, decorators, annotation, annotation, parameters, bases, asynchronous, generator),
)
