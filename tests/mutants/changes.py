"""What is changed in a module, one thing at a time: a small list of the slips that people make and reviews let pass.

Words for people, types, docstrings, log lines and what only saves a statement to the database are left as they are.
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch

Place = tuple[str | int, ...]  # the way from the module to a node: fields, and positions in them
Scope = tuple[str, int]  # the outermost function by its qualified name, and the line it begins in
Alternative = tuple[str, Place, ast.AST | None]

_FLIPS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_OPPOSITES = {"min": "max", "max": "min", "any": "all", "all": "any"}
# of these the value they are called on makes sense without the call
_REFINE = {
    *("lower", "upper", "casefold", "strip", "lstrip", "rstrip", "removeprefix", "removesuffix", "replace"),
    *("filter", "exclude", "order_by", "distinct", "select_for_update", "reverse", "annotate"),
}
# what only saves a statement to the database
_SAVE = {"select_related", "prefetch_related", "only", "defer", "iterator"}
# what says something to people, or to the log
_WORDS = {
    *("verbose_name", "verbose_name_plural", "help_text", "label", "labels", "help_texts", "error_messages", "message"),
    *("description", "short_description", "title", "summary", "attrs", "widget", "exc_info", "flat", "code"),
    *("batch_size", "chunk_size", "maxsize", "stacklevel", "default_detail", "__all__"),
}
_SAY = ("_log.*", "log.*", "logger.*", "warnings.warn", "messages.*", "extend_schema*")
_TYPES = {"annotation", "returns", "type_comment", "type_params"}
_NO_SWAP = {"isinstance", "getattr", "hasattr", "setattr", "min", "max", "cast"}
_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
_UNITS = ast.stmt | ast.ExceptHandler


@dataclass(frozen=True)
class Change:
    """One thing changed: the node at ``place`` becomes ``new``, or is left out of its list when that is None."""

    kind: str
    place: Place
    new: ast.AST | None
    scope: Scope | None  # None: it counts when the module is imported
    first: int  # line of the statement
    line: int

    def applied(self, tree: ast.Module) -> ast.Module:
        changed = copy.deepcopy(tree)
        parent, last = _at(changed, self.place[:-1]), self.place[-1]
        if isinstance(parent, list) and isinstance(last, int):
            parent[last : last + 1] = [] if self.new is None else [copy.deepcopy(self.new)]
        else:
            setattr(parent, str(last), copy.deepcopy(self.new))
        return ast.fix_missing_locations(changed)

    def told(self, tree: ast.Module) -> tuple[str, str]:
        """Tell the first line that differs, as it was and as it is, as ``ast`` writes it."""
        way = [self.place[: at + 1] for at in range(len(self.place))]
        statement = [place for place in way if isinstance(_at(tree, place), _UNITS)][-1]
        was, now = _lines(_at(tree, statement)), _lines(_at(self.applied(tree), statement))
        at = next((at for at, (one, other) in enumerate(zip(was, now, strict=False)) if one != other), len(now) - 1)
        return was[at].strip(), now[at].strip()


def _at(tree: object, place: Place) -> object:
    for part in place:
        tree = tree[part] if isinstance(part, int) else getattr(tree, part)  # type: ignore[index]
    return tree


def _lines(node: object) -> list[str]:
    assert isinstance(node, ast.AST)
    return ast.unparse(node).splitlines()


def changes(tree: ast.Module, *, with_classes: bool = True) -> list[Change]:
    """List what can be changed in a module; ``with_classes``: also what stands beside the methods of its classes."""
    return list(_Walk(tree, with_classes).below((), tree, None, (), (0, 0)))


def scope_at(tree: ast.AST, line: int, names: tuple[str, ...] = ()) -> Scope | None:
    """Find the outermost function whose body has the line; None for what stands in none."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, _FUNCTION | ast.ClassDef) and node.lineno <= line <= (node.end_lineno or 0):
            inside = (*names, node.name)
            if isinstance(node, ast.ClassDef):
                return scope_at(node, line, inside)
            return (".".join(inside), _begin(node)) if line >= node.body[0].lineno else None
    return None


def maker_at(tree: ast.AST, line: int) -> range:
    """Find the outermost function that has the line in one that it makes; return its body's lines, or none."""
    functions = [node for node in ast.walk(tree) if isinstance(node, _FUNCTION)]  # the outer before the inner ones
    around = [node for node in functions if node.body[0].lineno <= line <= (node.end_lineno or 0)]
    return range(around[0].body[0].lineno, (around[0].end_lineno or 0) + 1) if len(around) > 1 else range(0)


def _begin(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return min(part.lineno for part in (function, *function.decorator_list))


class _Walk:
    def __init__(self, tree: ast.Module, with_classes: bool) -> None:
        self.tree, self.with_classes = tree, with_classes
        functions = [node for node in ast.walk(tree) if isinstance(node, _FUNCTION) and node.returns]
        # what may be returned instead, by the type that is named: of anything else every caller breaks at once
        self.returns = {
            (id(inner), kind)
            for node in functions
            for kind, word in (("negated", "bool"), ("returns nothing", "None"))
            if word in ast.unparse(node.returns or node)
            for inner in ast.walk(node)
            if isinstance(inner, ast.Return)
        }

    def below(
        self, place: Place, node: ast.AST, scope: Scope | None, names: tuple[str, ...], at: tuple[int, int]
    ) -> Iterator[Change]:
        for field, value in ast.iter_fields(node):
            if field in _TYPES:
                continue
            # decorators and defaults belong to what the function stands in
            is_own = field == "body" or not isinstance(node, _FUNCTION) or (scope and scope[0] != ".".join(names))
            inner = scope if is_own else None
            for index, child in enumerate(value) if isinstance(value, list) else ((None, value),):
                if isinstance(child, ast.AST) and not _says_something(child):
                    here = (*place, field) if index is None else (*place, field, index)
                    yield from self._of(child, here, inner, names, at)

    def _of(
        self, node: ast.AST, here: Place, scope: Scope | None, names: tuple[str, ...], at: tuple[int, int]
    ) -> Iterator[Change]:
        line = getattr(node, "lineno", at[1])
        at = (line if isinstance(node, _UNITS) else at[0], line)
        if scope or self.with_classes or not names:
            for kind, place, new in _alternatives(node, here):
                if isinstance(node, ast.Return) and new and (id(node), kind) not in self.returns:
                    continue
                was = _at(self.tree, place)
                if new is None or ast.unparse(new) != ast.unparse(was):  # type: ignore[arg-type]
                    yield Change(kind, place, new, scope, at[0], getattr(was, "lineno", line))
        if isinstance(node, _FUNCTION | ast.ClassDef):
            names = (*names, node.name)
            if scope is None and isinstance(node, _FUNCTION):
                scope = ".".join(names), _begin(node)
        yield from self.below(here, node, scope, names, at)


def _says_something(node: ast.AST) -> bool:
    match node:
        case ast.JoinedStr() | ast.Import() | ast.ImportFrom() | ast.Assert():
            return True
        case ast.Expr(value=ast.Constant()):  # a docstring
            return True
        case ast.Expr(value=value):
            return _says_something(value)
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name in _WORDS
        case ast.If(test=test):
            return "TYPE_CHECKING" in ast.unparse(test)
        case ast.keyword(arg=name):
            return name in _WORDS
        case ast.Call(func=function):
            return any(fnmatch(ast.unparse(function), name) for name in _SAY)
    return False


def _alternatives(node: ast.AST, place: Place) -> Iterator[Alternative]:
    for make in (_of_logic, _of_values, _of_calls, _of_collections, _of_statements):
        yield from make(node, place)


def _of_logic(node: ast.AST, place: Place) -> Iterator[Alternative]:
    match node:
        case ast.Compare(left=left, ops=[operator], comparators=right):
            for flip in _FLIPS[type(operator)]:
                yield "comparison", place, ast.Compare(left, [flip()], right)
        case ast.BoolOp(op=operator, values=values):
            yield "and/or", place, ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
            for at in range(len(values)):
                rest = values[:at] + values[at + 1 :]
                yield "operand dropped", place, rest[0] if len(rest) == 1 else ast.BoolOp(operator, rest)
        case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=operand):
            yield "not dropped", place, operand
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            if _is_plain(test):
                yield "negated", (*place, "test"), ast.UnaryOp(ast.Not(), test)
        case ast.comprehension(ifs=tests):
            for at, test in enumerate(tests):
                yield "condition dropped", (*place, "ifs", at), None
                if _is_plain(test):
                    yield "negated", (*place, "ifs", at), ast.UnaryOp(ast.Not(), test)


def _is_plain(test: ast.expr) -> bool:
    """Tell whether no flip of its own negates it."""
    return not isinstance(test, ast.Compare | ast.UnaryOp | ast.BoolOp)


def _of_values(node: ast.AST, place: Place) -> Iterator[Alternative]:
    match node:
        case ast.BinOp(left=left, op=operator, right=right) if other := _OPERATORS.get(type(operator)):
            yield "operator", place, ast.BinOp(left, other(), right)
        case ast.Constant(value=bool() as value):
            yield "constant", place, ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            yield "constant", place, ast.Constant(value + 1 if value < 10 else value * 2)


def _of_calls(node: ast.AST, place: Place) -> Iterator[Alternative]:
    if not isinstance(node, ast.Call):
        return
    for at, keyword in enumerate(node.keywords):
        if keyword.arg not in _WORDS:
            yield "keyword dropped", (*place, "keywords", at), None
    match node:
        case ast.Call(func=ast.Attribute(value=receiver, attr=name)):
            if name in _REFINE or (isinstance(receiver, ast.Call) and name not in _SAVE):
                yield "method dropped", place, receiver
        case ast.Call(func=ast.Name(id=name)) if name in _OPPOSITES:
            yield "opposite", place, ast.Call(ast.Name(_OPPOSITES[name], ast.Load()), node.args, node.keywords)
    match node.args:
        case [ast.Starred(), *_] | [_, ast.Starred(), *_]:
            pass
        case [first, second, *others] if ast.unparse(node.func) not in _NO_SWAP:
            yield "arguments swapped", place, ast.Call(node.func, [second, first, *others], node.keywords)


def _of_collections(node: ast.AST, place: Place) -> Iterator[Alternative]:
    match node:
        case ast.Set(elts=elements) | ast.List(elts=elements, ctx=ast.Load()):
            yield from _dropped(elements, place)
        case ast.Tuple(elts=[_, _, *_] as elements, ctx=ast.Load()) if place[-1] != "slice":
            yield from _dropped(elements, place)
        case ast.Dict(keys=keys, values=values):
            for at in range(len(keys)):
                if _is_wording(values[at]):
                    continue
                rest = ast.Dict(keys[:at] + keys[at + 1 :], values[:at] + values[at + 1 :])
                yield "element dropped", place, rest


def _dropped(elements: list[ast.expr], place: Place) -> Iterator[Alternative]:
    for at, element in enumerate(elements):
        if not _is_wording(element):
            yield "element dropped", (*place, "elts", at), None


def _is_wording(node: ast.expr) -> bool:
    """Tell whether it only says something: a text of words, or what is made of nothing else."""
    if isinstance(node, ast.Call):
        return bool(node.args) and not node.keywords and all(map(_is_wording, node.args))
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return " " in node.value or node.value[:1].isupper()
    return isinstance(node, ast.JoinedStr)


def _of_statements(node: ast.AST, place: Place) -> Iterator[Alternative]:
    match node:
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield "returns nothing", (*place, "value"), ast.Constant(None)
            if _is_plain(value) or isinstance(value, ast.BoolOp):
                yield "negated", (*place, "value"), ast.UnaryOp(ast.Not(), value)
        case ast.ExceptHandler(type=caught, name=name):
            yield "error not caught", place, ast.ExceptHandler(caught, name, [ast.Raise()])
    match node:
        case (
            ast.Expr(value=ast.Call())
            | ast.Assign(targets=[ast.Attribute() | ast.Subscript()])
            | ast.AugAssign()
            | ast.Raise()
            | ast.Return(value=None)
            | ast.Continue()
            | ast.Break()
            | ast.Delete()
        ):
            yield "statement dropped", place, ast.Pass()
