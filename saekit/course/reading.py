"""What can be told about an answer by reading it: is it the untouched stub, was its first line changed, does it call
our own function?

Works on the source of the function (a cell of the notebook); a function without source is simply not read.
"""

import ast
import inspect
import textwrap
import types


def tree_of(function):
    """The syntax tree of a function's definition with its cell's line numbers; None without a source."""
    try:
        lines, first = inspect.getsourcelines(function)
        return ast.increment_lineno(ast.parse(textwrap.dedent("".join(lines))).body[0], first - 1)
    except (OSError, TypeError, SyntaxError, IndexError):  # made by exec, builtin, or cut out of a larger statement
        return None


def is_stub(tree):
    """True when the body, its docstring aside, is only `raise NotImplementedError`, `pass` or `...`."""
    body = tree.body[1:] if ast.get_docstring(tree) is not None else tree.body
    return all(isinstance(node, ast.Pass) or _is_ellipsis(node) or _is_not_implemented(node) for node in body)


def _is_ellipsis(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is ...


def _is_not_implemented(node):
    if not isinstance(node, ast.Raise) or node.exc is None:
        return False
    called = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    return isinstance(called, ast.Name) and called.id == "NotImplementedError"


def changed_first_line(function, reference):
    """What to say when the arguments are not those of the exercise, else None; further ones need defaults."""
    ours, theirs = (inspect.signature(f).parameters for f in (reference, function))
    further = [p for name, p in theirs.items() if name not in ours]
    kept = [name for name in theirs if name in ours] == list(ours)
    if kept and all(p.default is not p.empty for p in further):
        return None
    name = reference.__name__
    return (f"the first line was changed: later cells call `{name}({', '.join(ours)})`, yours reads "
            f"`{name}({', '.join(theirs)})`. Can you put the arguments back?")


def borrowed(function, tree, name):
    """The line of the cell in which the answer uses saekit's own function of this name, else None."""
    modules, functions = _imported_inside(tree, name)
    if functions:
        return functions[0]
    names = _globals(function)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == name and _is_ours(node.value, modules, names):
            return node.lineno
        if isinstance(node, ast.Name) and node.id != name and _is_our_function(names.get(node.id), name):
            return node.lineno
        if isinstance(node, ast.Call) and any(isinstance(a, ast.Constant) and a.value == name for a in node.args):
            if isinstance(node.func, ast.Name) and node.func.id == "getattr" and _is_ours(node.args[0], modules, names):
                return node.lineno
    return None


def _globals(function):
    """The globals of a function, also below a decorator."""
    return getattr(inspect.unwrap(function), "__globals__", {})


def _imported_inside(tree, name):
    """Names bound to saekit modules by imports inside the function, and lines that import the function itself."""
    modules, lines = set(), []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "saekit":
            modules.update(alias.asname or alias.name for alias in node.names)
            lines += [node.lineno for alias in node.names if alias.name == name]
        if isinstance(node, ast.Import):
            ours = [alias for alias in node.names if alias.name.split(".")[0] == "saekit"]
            modules.update(alias.asname or "saekit" for alias in ours)
    return modules, lines


def _is_ours(node, modules, names):
    """True when the expression left of a dot leads into the saekit package."""
    while isinstance(node, ast.Attribute):
        node = node.value
    if not isinstance(node, ast.Name):
        return False
    value = names.get(node.id)
    return node.id in modules or (isinstance(value, types.ModuleType) and value.__name__.split(".")[0] == "saekit")


def _is_our_function(value, name):
    """True for saekit's function of this name under any other name."""
    module = getattr(value, "__module__", None) or ""
    return module.split(".")[0] == "saekit" and getattr(value, "__name__", None) == name


def own_lines(error, function, limit=4):
    """The learner's own part of a traceback as text: their lines, innermost last, then the error.

    Frames belong to the learner when they run with the globals of the learner's function; ours and the libraries' are
    left out.
    """
    steps, step = [], error.__traceback__
    while step is not None:
        if step.tb_frame.f_globals is _globals(function):
            steps.append(step)
        step = step.tb_next
    if len(steps) > limit:  # a recursion: its first and last lines tell the story
        steps = steps[:limit // 2] + steps[-(limit - limit // 2):]
    frames = [inspect.getframeinfo(step) for step in steps]
    lines = [f"line {f.lineno}, in {f.function}: {(f.code_context or [''])[0].strip()}".rstrip(": ") for f in frames]
    return "\n".join(lines + [f"{type(error).__name__}: {without_addresses(error)}".rstrip(": ")])


def without_addresses(value):
    """str(value) without memory addresses, which change from run to run."""
    head, *rest = str(value).split(" at 0x")
    return head + "".join(piece.lstrip("0123456789abcdefABCDEF") for piece in rest)
