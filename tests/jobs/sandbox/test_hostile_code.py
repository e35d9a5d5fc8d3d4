"""What code can do to its own process and to the protocol: it ends in a plain message, soon."""

from __future__ import annotations

import pytest

from jobs.sandbox.reward_process import Failed
from tests.jobs.sandbox.conftest import RunCode

INSIDE = "import random\nos = random._os\nsys = os.sys\nctypes = sys.modules['ctypes']\n"
REWARD = "def reward_function(params):\n    "

ENDINGS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "endless_loop": (REWARD + "while True: pass", ("time",), "took too long"),
    "loop_that_catches_everything": (
        REWARD
        + "while True:\n        try:\n            for _ in iter(int, 1): x = 1\n        except BaseException: pass",
        ("time",),
        "took longer",
    ),
    "loop_in_native_code": (REWARD + "return sum(range(10**13))", ("time",), "took"),
    "loop_at_module_level": ("while True: pass\n" + REWARD + "return 1.0", ("time",), "took too long"),
    "timer_switched_off": (
        INSIDE + "import time\n" + REWARD + "sys.modules['signal'].setitimer(0, 0); time.sleep(60)",
        ("time",),
        "took",
    ),
    "huge_power": (REWARD + "return len(str(9**9**7))", ("time", "memory"), ""),
    "regular_expression": (
        "import re\n" + REWARD + "return bool(re.match(r'(a+)+$', 'a' * 60 + 'b'))",
        ("time",),
        "took",
    ),
    "text_that_loops": (
        "class Endless(Exception):\n    def __str__(self):\n        while True: pass\n" + REWARD + "raise Endless",
        ("time",),
        "took",
    ),
    "recursion": (REWARD + "return reward_function(params)", ("runtime",), "RecursionError"),
    "recursion_without_limit": (
        INSIDE + "sys.setrecursionlimit(10**9)\n" + REWARD + "return reward_function(params)",
        ("runtime", "memory", "time"),
        "",
    ),
    "wild_pointer": (INSIDE + REWARD + "return ctypes.string_at(1)", ("runtime",), "SIGSEGV"),
    "memory_bomb": (REWARD + "return len([0] * 10**9)", ("memory",), "more memory"),
    "memory_bomb_at_module_level": ("x = (1,) * 10**9\n" + REWARD + "return 1.0", ("memory",), "more memory"),
    "memory_kept_full": (
        "kept = []\n"
        + REWARD
        + "\n        try:\n            while True: kept.append(bytearray(1 << 12))\n"
        "        except MemoryError: return 1.0\n".replace("        ", "    "),
        ("memory", "time", "runtime"),
        "",
    ),
    "leaves_by_sys_exit": (INSIDE + REWARD + "sys.exit('bye')", ("runtime",), "SystemExit: bye"),
    "keyboard_interrupt": (REWARD + "raise KeyboardInterrupt", ("runtime",), "KeyboardInterrupt"),
    "ends_its_process": (INSIDE + REWARD + "os._exit(7)", ("runtime",), "exit code 7"),
    "aborts": (INSIDE + REWARD + "os.abort()", ("runtime",), "ended by SIG"),
    "rubbish_as_reply": (INSIDE + REWARD + "os.write(4, b'x' * 64)", ("runtime",), "tampered"),
    "reply_of_four_gigabytes": (
        INSIDE + REWARD + "os.write(4, b'PDK1' + bytes([2, 0, 0, 0, 200, 0, 0, 0, 255, 255, 255, 255]))",
        ("runtime",),
        "tampered",
    ),
    "reply_to_another_question": (
        INSIDE + REWARD + "os.write(4, b'PDK1' + bytes([9, 0, 0, 0, 200, 0, 0, 0, 2, 0, 0, 0]) + b'{}')",
        ("runtime",),
        "tampered",
    ),
    "reply_without_end": (INSIDE + REWARD + "while True: os.write(4, b'PDK1' * 4096)", ("runtime",), "tampered"),
    "reply_in_drops": (
        INSIDE + "import time\n" + REWARD + "sys.modules['signal'].setitimer(0, 0)\n    os.write(4, b'PDK1')\n"
        "    while True: time.sleep(0.2)",
        ("time",),
        "took",
    ),
    "reply_nested_too_deep": (
        INSIDE + "sys.modules['json'].dumps = lambda *_, **__: '[' * 50000\n" + REWARD + "return 1.0",
        ("runtime",),
        "tampered",
    ),
    "reply_of_the_wrong_types": (
        INSIDE
        + 'sys.modules[\'json\'].dumps = lambda *_, **__: \'{"failed": [], "problems": 3, "log": null}\'\n'
        + REWARD
        + "return 1.0",
        ("runtime",),
        "tampered",
    ),
    "closed_reply_pipe": (INSIDE + REWARD + "os.close(4); return 1.0", ("runtime",), "ended its process"),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_an_attack_ends_in_a_plain_message(name: str, run_code: RunCode) -> None:
    code, kinds, text = ENDINGS[name]
    with pytest.raises(Failed) as failed:
        run_code(code, deadline_s=0.3)
    assert failed.value.kind in kinds
    assert text in failed.value.message
    assert len(failed.value.message) < 600
    assert failed.value.message.isprintable()


def test_a_loop_is_named_with_its_line_and_parameters(run_code: RunCode) -> None:
    code = "def reward_function(params):\n    x = 0\n    while True:\n        x += 1\n"
    with pytest.raises(Failed) as failed:
        run_code(code, deadline_s=0.2)
    assert failed.value.line in (3, 4)
    assert failed.value.parameters is not None
    assert failed.value.parameters["track_width"] > 0.1


def test_a_crash_names_the_call_that_crashed(run_code: RunCode, states: object) -> None:
    code = INSIDE + "n = 0\ndef reward_function(params):\n    global n\n    n += 1\n"
    code += "    return 1.0 if n < 100 else ctypes.string_at(1)\n"
    with pytest.raises(Failed) as failed:
        run_code(code)
    assert failed.value.parameters is not None
    assert failed.value.parameters["x"] == states[99][1]  # type: ignore[index]


def test_a_forged_problem_is_cleaned(run_code: RunCode) -> None:
    code = INSIDE + "def reward_function(params):\n    raise ValueError('\\x1b[31m' + 'long ' * 2_000_000)\n"
    with pytest.raises(Failed) as failed:
        run_code(code, rows=1)
    assert "\x1b" not in failed.value.message
    assert len(failed.value.message) < 600


def test_a_flood_of_prints_is_cut(run_code: RunCode) -> None:
    code = "def reward_function(params):\n    print('\\x1b[2Jspeed', 'x' * 100_000)\n    raise ValueError('end')\n"
    with pytest.raises(Failed) as failed:
        run_code(code)
    assert failed.value.log.startswith("[2Jspeed xxx")
    assert len(failed.value.log) < 8400
    assert "dropped" in failed.value.log


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        ("float('nan')", "nan, not a finite number"),
        ("float('-inf')", "-inf, not a finite number"),
        ("None", "returned None"),
        ("'1.0'", "is a str, not a number"),
        ("[1.0]", "of type list"),
        ("10**400", "of type int"),
        ("1e5 + 1", "outside -100000 to 100000"),
        ("1 + 2j", "of type complex"),
    ],
)
def test_a_reward_that_is_none_is_refused_with_the_line_of_its_return(
    returned: str, text: str, run_code: RunCode
) -> None:
    code = f"def reward_function(params):\n    if params['x'] > 1e9:\n        return 1.0\n    return {returned}\n"
    with pytest.raises(Failed) as failed:
        run_code(code, rows=20)
    assert failed.value.kind == "value"
    assert text in failed.value.message
    assert "in 20 of 20 calls" in failed.value.message
    assert failed.value.line == 4


def test_a_number_in_disguise_does_not_reach_training(run_code: RunCode) -> None:
    code = "class Liar(float):\n    def __le__(self, other): return True\n    __ge__ = __le__\n"
    code += "    def __float__(self): return float('nan')\n    def __sub__(self, other): return 0.0\n"
    with pytest.raises(Failed, match="finite number"):
        run_code(code + "def reward_function(params):\n    return Liar(1)\n", rows=3)
