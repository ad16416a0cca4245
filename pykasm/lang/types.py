"""Types of operands: integers, pointers, arrays, structs, unions, function pointers.

A type is a Python class, so that it can stand in annotations; it is never instantiated as a value
in a register or in memory (operands are, and carry their type). Struct instances are initial
values of data.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable, Mapping
from enum import Enum
from types import EllipsisType, GenericAlias
from typing import TYPE_CHECKING, Any, ClassVar, Generic, ParamSpec, TypeVar

from pykasm.errors import (
    CallMistake,
    ConditionMistake,
    DeclarationMistake,
    OperandFormMistake,
    TypeMistake,
)
from pykasm.lang.arithmetic import WithoutArithmetic
from pykasm.lang.condition import Condition
from pykasm.lang.context import Context, check_context
from pykasm.lang.expression import Expression, no_address

POINTER_SIZE = 8

T = TypeVar("T")
P = ParamSpec("P")
R = TypeVar("R")


class TypeMeta(type):
    """Class of all types: `T * n` is an array, sizes are class attributes."""

    _size: int
    _align: int
    _signed: bool
    _by_user: bool
    _truth: bool
    _host: TypeMeta | None
    _owned: bool
    _fails: bool
    _nullable: bool
    _untrusted: bool
    _fetched: bool
    _bounded: bool
    _disclosed: bool
    _filled: bool
    _remote: bool
    _is_link: bool
    _elements: str
    _origin: tuple[type, str, object, dict[str, object]]
    """What a type was made of that is made of others."""

    def __mul__(cls, count: int) -> Any:
        """An array of `count` elements of this type."""
        return array_of(cls, count)

    def __repr__(cls) -> str:
        return cls.__name__


class Value(WithoutArithmetic):
    """What code writes of a value in a register or in memory; operands say what it comes to."""

    __slots__ = ()

    _kind: TypeMeta
    _values: type[Enum] | None

    __hash__ = object.__hash__

    @property
    def _declared(self) -> TypeMeta:
        """The type that was declared for it, whatever it is seen as."""
        return self._kind

    def __bool__(self) -> bool:
        raise ConditionMistake(
            "a register or memory operand has no value while the code is being written",
            expected="a condition inside `if_`, `while_`, `break_if` …",
            got="Python's `if`, `while`, `and`, `or` or `not` on an operand",
            fix="use `with if_(…):`, and `&`, `|`, `~` to join conditions",
        )

    def __iter__(self) -> Any:  # without it Python would try indexes 0, 1, 2 … for ever
        raise TypeMistake(
            f"`{self._text()}` can't be iterated while the code is being written",
            expected="`for_` over a counter",
            got="Python's `for` on an operand",
        )

    def __lt__(self, other: object) -> Condition:
        return self._compared("<", other)

    def __le__(self, other: object) -> Condition:
        return self._compared("<=", other)

    def __gt__(self, other: object) -> Condition:
        return self._compared(">", other)

    def __ge__(self, other: object) -> Condition:
        return self._compared(">=", other)

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]
        return self._compared("==", other)

    def __ne__(self, other: object) -> Condition:  # type: ignore[override]
        return self._compared("!=", other)

    def __and__(self, mask: object) -> Condition:
        return self._compared("&", mask)

    __rand__ = __and__

    def __or__(self, other: object) -> Condition:
        return self._joined("|", other)

    def __invert__(self) -> Condition:
        return self._joined("~", None)

    def __add__(self, other: object) -> Expression:
        return self._as_expression() + other

    __radd__ = __add__

    def __sub__(self, other: object) -> Expression:
        return self._as_expression() - other

    def __mul__(self, scale: int) -> Expression:
        return self._scaled(scale)

    __rmul__ = __mul__

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # Python asks for those, before there is a type too
        if name.startswith("_"):
            return self._private(name)
        return self._member(name)

    def __getitem__(self, index: object) -> Any:
        return self._element_at(index)

    def __call__(self, *arguments: object, **named: object) -> Any:
        """Call the function that this pointer points to."""
        if named:
            raise named_arguments(self._text(), named, "in the order of the pointer's type")
        return self._called(arguments)

    def _compared(self, operator: str, right: object) -> Condition:
        """The condition `self operator right`."""
        raise NotImplementedError

    def _as_condition(self) -> Condition | None:
        """The condition that this is, if it is a `Bool`."""
        raise NotImplementedError

    def _joined(self, operator: str, other: object) -> Condition:
        """What `self | other` or `~self` is of a truth."""
        raise NotImplementedError

    @property
    def _has_parts(self) -> bool:
        """Whether this is a struct or an array, not a number."""
        return False

    @property
    def _is_bits(self) -> bool:
        """Whether this is some bits of a number, which no instruction takes."""
        return False

    def _is_same(self, other: Value) -> bool:
        """Whether both are one register, seen in one width."""
        return False

    def _called(self, arguments: tuple[object, ...]) -> Any:
        """What a call of the function gives that this pointer points to."""
        raise NotImplementedError

    def _text(self) -> str:
        """The value as a message shows it."""
        raise NotImplementedError

    def _touch(self) -> None:
        """Take note that the roles this operand depends on are used."""

    def _as_expression(self) -> Expression:
        """The operand as the start of an address."""
        raise no_address(self._text())

    def _scaled(self, scale: int) -> Expression:
        raise OperandFormMistake(
            f"`{self._text()}` can't be scaled", expected="a register", got="memory"
        )

    def _private(self, name: str) -> Any:
        """The method `name` of the struct, which other methods of it call."""
        raise AttributeError(name)

    def _member(self, name: str) -> Any:
        raise TypeMistake(
            f"`{self._text()}` has no fields",
            expected="a pointer to a struct, or a struct in memory",
            got=f"{self._text()}: {self._kind!r}",
        )

    def _element_at(self, index: object) -> Any:
        raise TypeMistake(
            f"`{self._text()}` has no elements",
            expected="a pointer, or an array in memory",
            got=f"{self._text()}: {self._kind!r}",
        )


def named_arguments(name: str, named: Mapping[str, object], expected: str) -> CallMistake:
    """The mistake of giving the arguments `named` of a call of `name` by their names."""
    return CallMistake(
        f"`{name}` takes its arguments by position",
        expected=expected,
        got=", ".join(f"{one}=…" for one in named),
        fix="leave the names out",
    )


if TYPE_CHECKING:
    _ValueForCheckers = Value
else:
    _ValueForCheckers = object


class Type(_ValueForCheckers, metaclass=TypeMeta):
    """Anything that an operand can be."""

    _size = 0
    _align = 1
    _signed = False
    _truth = False
    """Whether it is 1 or 0, and a condition by itself."""
    _by_user = False
    """Whether it is an address that a program gave."""
    _host: ClassVar[TypeMeta | None] = None
    """Of numbers whose bytes lie in memory in the opposite order: what a register holds of them."""
    _owned = False
    """Whether somebody has to give it away who has it."""
    _fails = False
    """Whether a number below 0 is an error, which somebody has to look at."""
    _nullable = False
    """Whether it is an address that may be null."""
    _untrusted = False
    """Whether somebody else chose the number."""
    _fetched = False
    """Whether a function that has such a parameter copies in what it points to."""
    _bounded = False
    """Whether callers have bounded the number."""
    _disclosed = False
    """Whether it is the address of what somebody else is shown."""
    _remote = False
    """Whether it is an address by which code finds nothing, as only others go by it."""
    _filled = False
    """Whether it is the address of a struct whose owning fields a function fills."""
    _is_link = False
    """Whether it is a struct that links things, such as the head of a list."""
    _elements = ""
    """The field by which a link links things, such as `Thread.link`; empty where nobody knows."""


class Void(Type):
    """Nothing known: `Ptr[Void]` points to anything."""


class _PointerBase(Type):
    _size = _align = POINTER_SIZE


if TYPE_CHECKING:

    class Ptr(_PointerBase, Generic[T]):
        """The address of a `T`; fields of a struct are attributes, elements are indexed."""

        _target: ClassVar[TypeMeta]

    class User(Ptr[T]):
        """The address of a `T` that a program gave: only copy routines may follow it."""

    class Array(Type, Generic[T]):
        """`count` elements of `T`, written `T * count` (and `Array[T]` in annotations)."""

        _element: ClassVar[TypeMeta]
        _count: ClassVar[int | None]

    class Fn(_PointerBase, Generic[P, R]):
        """The address of a function: `Fn[[U32, Ptr[Frame]], U64]`."""

        _parameters: ClassVar[tuple[TypeMeta, ...]]
        _open: ClassVar[bool]
        _result: ClassVar[Any]
        _context: ClassVar[Context | None]
        _distrusts: ClassVar[bool]
        _sleeps: ClassVar[bool]

        def __init_subclass__(
            cls, *, context: Context | None = None, untrusted: bool = False, sleeps: bool = False
        ) -> None: ...

else:

    class Ptr(_PointerBase):
        """The address of a `T`; fields of a struct are attributes, elements are indexed."""

        _target = Void

        def __class_getitem__(cls, target):
            _check_target(cls, target)
            return _made(cls, f"{cls.__name__}[{name_of(target)}]", target, _target=target)

    class User(Ptr):
        """The address of a `T` that a program gave: only copy routines may follow it."""

        _by_user = True

    class Array(Type):
        """`count` elements of `T`, written `T * count` (and `Array[T]` in annotations)."""

        _element = Void
        _count = None

        def __class_getitem__(cls, element):
            _check_target(cls, element)
            return _made(cls, f"Array[{name_of(element)}]", element, _element=element)

    class Fn(_PointerBase):
        """The address of a function: `Fn[[U32, Ptr[Frame]], U64]`.

        A class derived from it is a type of its own: its values only come from functions whose
        address is taken for it, which run in its `context`. If it `sleeps`, all of them count as
        functions that sleep; if not, each sleeps if what it calls does. If their arguments are
        `untrusted`, the numbers among these are what somebody else chose. `Fn[..., U64]` is for
        functions with any parameters, which code that calls them by `call` has put where they
        belong.
        """

        _parameters = ()
        _open = False
        _result = None
        _context = None
        _distrusts = False
        _sleeps = False

        def __init_subclass__(cls, *, context=None, untrusted=False, sleeps=False):
            check_context(context, sleeps)
            cls._context = context
            cls._distrusts = untrusted
            cls._sleeps = sleeps

        def __class_getitem__(cls, signature):
            match signature:
                case (EllipsisType(), result):
                    label = f"Fn[..., {name_of(result)}]"
                    return _made(cls, label, (..., result), _open=True, _result=result)
            parameters, result = _checked_signature(signature)
            names = ", ".join(name_of(one) for one in parameters)
            label = f"Fn[[{names}], {name_of(result)}]"
            key = (tuple(parameters), result)
            return _made(cls, label, key, _parameters=tuple(parameters), _result=result)


def is_named(kind: TypeMeta) -> bool:
    """Whether `kind` is a type of pointers to functions that has a name of its own."""
    own = plain(kind)
    return issubclass(own, Fn) and own is not Fn and "_origin" not in vars(own)


def _check_target(kind: type, target: object) -> None:
    """Raise a mistake if `target` is a class that memory holds nothing of, such as `int`."""
    if isinstance(target, type) and not isinstance(target, TypeMeta) and target is not Any:
        raise DeclarationMistake(
            f"`{kind.__name__}[{target.__name__}]` takes a type of what lies in memory",
            expected="such as `U8`, a `Struct`, or `Void`",
            got=f"Python's `{target.__name__}`",
        )


def _checked_signature(signature: object) -> tuple[list[Any], Any]:
    """What stands in the brackets of `Fn[…]`: a list of types, and the type of the result."""
    match signature:
        case (list() | tuple() as parameters, result):
            for one in parameters:
                _check_parameter(one)
            return list(parameters), result
    raise DeclarationMistake(
        "`Fn[…]` takes a list of the parameters' types, and the type of the result",
        expected="`Fn[[U32, Ptr[Frame]], U64]`, or `Fn[[], Void]`",
        got=f"`Fn[{name_of(signature)}]`",
    )


def _check_parameter(kind: object) -> None:
    """Raise a mistake if `kind` is no type that a parameter can have, nor the name of one."""
    is_type = isinstance(kind, TypeMeta | str | GenericAlias | TypeVar) or kind is Any
    if not is_type:
        raise DeclarationMistake(
            "`Fn[…]` takes types of parameters",
            expected="`Fn[[U32, Ptr[Frame]], U64]`, or `Fn[[], Void]`",
            got=name_of(kind) if isinstance(kind, type) else repr(kind),
        )


_derived: dict[tuple[type, object], TypeMeta] = {}


def _made(base: type, label: str, key: object, **attributes: object) -> TypeMeta:
    if (base, key) not in _derived:
        made = _derived[base, key] = TypeMeta(label, (base,), attributes)
        made._origin = base, label, key, attributes
    return _derived[base, key]


def _made_again(base: type, label: str, key: object, attributes: dict[str, object]) -> TypeMeta:
    return _made(base, label, key, **attributes)


def _reduced(kind: TypeMeta) -> str | tuple[Callable[..., TypeMeta], tuple[Any, ...]]:
    """How `pickle` takes a type: by its name, or made of others."""
    origin = vars(kind).get("_origin")
    return kind.__qualname__ if origin is None else (_made_again, origin)


copyreg.pickle(TypeMeta, _reduced)


def qualified(kind: TypeMeta, word: str, **attributes: object) -> TypeMeta:
    """`kind` with more `attributes`, which are what `word` says of it."""
    return _made(kind, f"{word}[{name_of(kind)}]", word, _unqualified=plain(kind), **attributes)


def requalified(kind: TypeMeta, other: TypeMeta) -> TypeMeta:
    """`other` with what words say of `kind`."""
    base, _, word, attributes = vars(kind)["_origin"]
    inner = other if base is plain(kind) else requalified(base, other)
    said = {name: value for name, value in attributes.items() if name != "_unqualified"}
    return qualified(inner, word, **said)


def plain(kind: TypeMeta) -> TypeMeta:
    """`kind` without what words say of its values."""
    found: TypeMeta = getattr(kind, "_unqualified", kind)
    return found


def name_of(target: object) -> str:
    """What the type is called that an annotation names, or the annotation."""
    if isinstance(target, GenericAlias):  # tuple[…], of two results
        return f"{target.__origin__.__name__}[{', '.join(map(name_of, target.__args__))}]"
    return getattr(target, "__name__", None) or str(target)


def is_known(kind: object) -> bool:
    """Whether `kind` is a type, and what it points to, or consists of, is one too."""
    if not isinstance(kind, TypeMeta):
        return False
    inner = [getattr(kind, one, Void) for one in ("_target", "_element")]
    return all(one is Void or is_known(one) for one in inner)


def array_of(element: TypeMeta, count: int) -> TypeMeta:
    """The type of `count` elements of type `element` in a row."""
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise DeclarationMistake(
            "an array's length is a whole number",
            expected="0 or more elements",
            got=repr(count),
        )
    attributes = {
        "_element": element,
        "_count": count,
        "_size": element._size * count,
        "_align": element._align,
    }
    return _made(Array, f"{element!r} * {count}", (element, count), **attributes)


def flexible_array(element: TypeMeta) -> TypeMeta:
    """The type of as many elements of type `element` as there are behind a struct."""
    label = f"Array[{element!r}]"
    attributes = {"_element": element, "_count": None, "_size": 0, "_align": element._align}
    return _made(Array, label, (element, None), **attributes)


def pointer_to(kind: TypeMeta) -> TypeMeta:
    """`Ptr[kind]` of a type that is known only while this runs."""
    of: Any = Ptr
    made: TypeMeta = of[kind]
    return made


def is_pointer(kind: TypeMeta) -> bool:
    """Whether `kind` is a `Ptr[…]` or a `Fn[…]`."""
    return issubclass(kind, _PointerBase)


def is_function_pointer(kind: TypeMeta) -> bool:
    """Whether `kind` is a `Fn[…]`, or a type of its own that is derived from one."""
    return issubclass(kind, Fn)


def is_user(kind: TypeMeta) -> bool:
    """Whether `kind` is an address that a program gave."""
    return issubclass(kind, User)


def sizeof(kind: object) -> int:
    """Bytes that a value of the type `kind` takes."""
    if not isinstance(kind, TypeMeta):
        raise DeclarationMistake(
            "`sizeof` takes a type", expected="a type such as U32 or a Struct", got=repr(kind)
        )
    return kind._size
