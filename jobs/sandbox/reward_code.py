"""A racer's code inside the sandbox: compiled once, executed once per car, called row by row."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from types import CodeType, FrameType, FunctionType, ModuleType, TracebackType
from typing import Any, NoReturn

from jobs.sandbox.modules import ImportRefused, importer
from jobs.sandbox.protocol import CODE_NAME, MAXIMUM_MESSAGE_CHARACTERS, MAXIMUM_REWARD, Kind, clean_text

RewardFunction = Callable[[dict[str, Any]], Any]


class TookTooLong(BaseException):
    """Raised by the sandbox's timer. Not an Exception, so that `except Exception` in a function does not swallow it."""


class Refused(Exception):
    """The code cannot be used, or a reward is no reward."""

    def __init__(self, kind: Kind, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.message = message
        self.line = line


def compile_code(code: str) -> CodeType:
    """The racer's text as a code object; Refused("syntax") with the line."""
    try:
        return compile(code, CODE_NAME, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise Refused("syntax", f"{type(error).__name__}: {error.msg}", error.lineno) from None
    except (ValueError, RecursionError, OverflowError) as error:
        raise Refused("syntax", f"{type(error).__name__}: {error}") from None


def load_function(code: CodeType) -> RewardFunction:
    """Execute the module in a namespace of its own and return its `reward_function`, its signature checked."""
    module = ModuleType("reward_function")
    module.__dict__["__builtins__"] = _builtins()
    sys.modules["reward_function"] = module  # dataclasses and enums look their module up
    exec(code, module.__dict__)  # noqa: S102 - what this process is locked down for
    function = module.__dict__.get("reward_function")
    if function is None:
        raise Refused("signature", "the code has no function `reward_function(params)`")
    if not callable(function):
        raise Refused("signature", "`reward_function` is not a function")
    if isinstance(function, FunctionType):
        _check_signature(function)
    return function  # type: ignore[no-any-return]


def _builtins() -> dict[str, Any]:
    """Python's built-ins with an import and an open that explain themselves."""

    def no_files(*_args: Any, **_kwargs: Any) -> NoReturn:
        raise PermissionError("files cannot be opened here")

    def no_keyboard(*_args: Any, **_kwargs: Any) -> NoReturn:
        raise PermissionError("nobody is here to answer input()")

    return vars(builtins) | {"__import__": importer(builtins.__import__), "open": no_files, "input": no_keyboard}


def _check_signature(function: FunctionType) -> None:
    code = function.__code__
    takes_more = bool(code.co_flags & 0x04)  # *args, inspect.CO_VARARGS
    needed = code.co_argcount - len(function.__defaults__ or ())
    keywords = set(code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount])
    unset = keywords - set(function.__kwdefaults__ or {})
    if needed > 1 or unset or (code.co_argcount < 1 and not takes_more):
        shown = ", ".join(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
        message = f"reward_function({shown}) must take one argument: reward_function(params)"
        raise Refused("signature", message, code.co_firstlineno)


def number(value: Any) -> float:
    """A returned value as the float that DeepRacer's simulator takes; Refused("value") otherwise."""
    if value is None:
        raise Refused("value", "the function returned None: every path must end with `return` and a number")
    if isinstance(value, (str, bytes, bytearray)):
        raise Refused("value", f"the reward is a {type(value).__name__}, not a number")
    try:
        result = float(value)
    except (TypeError, ValueError, OverflowError):
        raise Refused("value", f"the reward is of type {type(value).__name__}, which is not one number") from None
    if result - result != 0.0:
        raise Refused("value", f"the reward is {result}, not a finite number")
    if not -MAXIMUM_REWARD <= result <= MAXIMUM_REWARD:
        raise Refused("value", f"the reward {result:g} is outside -100000 to 100000")
    return result


def describe(error: BaseException) -> tuple[Kind, str, int | None]:
    """(kind, message, line of the racer's code) of anything that the code raised."""
    if isinstance(error, Refused):
        return error.kind, error.message, error.line
    kind: Kind = "runtime"
    if isinstance(error, TookTooLong):
        return "time", "the code took too long", line_of(error.__traceback__)
    if isinstance(error, MemoryError):
        return "memory", "MemoryError: the code needs more memory than it may use", line_of(error.__traceback__)
    if isinstance(error, ImportError):
        kind = "import"
    text = clean_text(str(error), MAXIMUM_MESSAGE_CHARACTERS)
    message = text if isinstance(error, ImportRefused) else f"{type(error).__name__}: {text}".rstrip(": ")
    return kind, message, line_of(error.__traceback__)


def line_of(traceback: TracebackType | None) -> int | None:
    """The innermost line of the racer's code in a traceback."""
    line = None
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == CODE_NAME:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def line_of_return(function: RewardFunction, parameters: dict[str, Any]) -> int | None:
    """The line on which `function` returns no reward for `parameters`: it is called once more and watched."""
    lines: list[int] = []

    def watch(frame: FrameType, event: str, _argument: object) -> Any:
        if frame.f_code.co_filename != CODE_NAME:
            return None
        if event == "return" and frame.f_code.co_name == "reward_function":
            lines.append(frame.f_lineno)
        return watch

    sys.settrace(watch)
    try:
        number(function(parameters))
    except Refused:
        return lines[-1] if lines else None
    except Exception:
        return None
    finally:
        sys.settrace(None)
    return None
