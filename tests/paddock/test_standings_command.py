"""`paddock standings`: a race's ranking on laps from a file, and what is said of a file that is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paddock.cli import paddock
from paddock.commands.standings import ranked
from paddock.lap_file import LapFileError, read_laps

THREE = """racer,submission,lap,time_ms,resets
ann,1,1,9000,0
ann,1,2,9100,0
ann,1,3,9200,1
ben,1,1,8000,0
ben,1,2,12000,2
ben,1,3,9000,0
cat,1,1,7000,0
cat,1,2,9900,0
ann,2,1,9100,0
ann,2,2,9100,0
ann,2,3,9000,0
"""


@pytest.fixture
def laps(tmp_path: Path) -> Path:
    path = tmp_path / "laps.csv"
    path.write_text(THREE)
    return path


def placed(path: Path, rule: str, minimum: int) -> list[tuple[int, str, str, int]]:
    return [(r["place"], r["racer"], r["submission"], r["result_ms"]) for r in ranked(path, rule, minimum)["standings"]]


def test_total_takes_the_sum_of_the_better_submission(laps: Path) -> None:
    assert placed(laps, "total", 3) == [(1, "ann", "2", 27200), (2, "ben", "1", 29000)]
    assert ranked(laps, "total", 3)["unranked"] == [{"racer": "cat", "laps_in_a_row": 2}]


def test_average_takes_the_best_laps_in_a_row(laps: Path) -> None:
    expected = [(1, "cat", "1", 8450), (2, "ann", "2", 9050), (3, "ben", "1", 10000)]
    assert placed(laps, "average", 2) == expected


def test_best_takes_one_lap(laps: Path) -> None:
    assert [(place, racer) for place, racer, _, _ in placed(laps, "best", 1)] == [(1, "cat"), (2, "ben"), (3, "ann")]


def test_the_command_prints_json_and_a_table(laps: Path) -> None:
    answer = CliRunner().invoke(
        paddock, ["standings", "--laps", str(laps), "--rule", "total", "--minimum-laps", "3", "--json"]
    )
    found: dict[str, Any] = json.loads(answer.output)
    assert (found["rule"], found["minimum_laps"]) == ("total", 3)
    assert found["standings"][1]["gap_ms"] == 1800
    table = CliRunner().invoke(paddock, ["standings", "--laps", str(laps), "--minimum-laps", "3"]).output
    assert "27.200" in table
    assert "2 of 3 laps in a row" in table


def test_equal_results_go_to_fewer_resets_then_the_better_lap_then_the_earlier_submission(tmp_path: Path) -> None:
    path = tmp_path / "equal.csv"
    path.write_text(
        "racer,submission,lap,time_ms,resets\n"
        "late,9,1,5000,0\nlate,9,2,5000,0\n"
        "early,3,1,5000,0\nearly,3,2,5000,0\n"
        "quick,10,1,4000,0\nquick,10,2,6000,0\n"
        "reset,1,1,4000,1\nreset,1,2,6000,0\n"
    )
    assert [racer for _, racer, _, _ in placed(path, "total", 1)] == ["quick", "early", "late", "reset"]


def test_a_lap_that_is_missing_or_not_complete_breaks_the_row(tmp_path: Path) -> None:
    path = tmp_path / "gaps.csv"
    path.write_text(
        "lap,time_ms,racer,complete\n1,5000,gap,true\n3,5000,gap,true\n1,5000,out,true\n2,4000,out,false\n3,5000,out,\n"
        "1,,none,\n"
    )
    found = ranked(path, "best", 2)
    assert found["standings"] == []
    assert {row["racer"]: row["laps_in_a_row"] for row in found["unranked"]} == {"gap": 1, "out": 1, "none": 0}


def test_what_spreadsheets_add_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes("\ufeffRacer, Lap ,TIME_MS\r\nZoë,1,5000.4\r\n,,\r\n\r\n".encode())
    (entry,) = read_laps(path)
    assert (entry.racer, entry.laps[0].time_ms) == ("Zoë", 5000)


ODD = "racer,submission,lap,time_ms,resets\na,1,1,9000,0\na,1,2,DNF,3\nb,1,1,8000.5,1\nb,1,2,,0\n"


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + ODD.replace("\n", "\r\n"),
        ODD.replace(",", ";"),
        ODD.replace(",", "\t"),
        "\n\n" + ODD.replace("\n", "\n\n"),
        ODD.replace("resets\n", "resets,note\n").replace("0\n", "0,wet,and more\n"),
    ],
    ids=["mark and CRLF", "semicolons", "tabs", "blank lines", "extra columns"],
)
def test_a_file_of_another_timing_system_is_ranked_the_same(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.csv"
    path.write_bytes(text.encode())
    rows = ranked(path, "total", 1)["standings"]
    assert [(row["racer"], row["result_ms"], row["laps"], row["resets"]) for row in rows] == [
        ("b", 8001, 1, 1),
        ("a", 9000, 1, 3),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\n\nracer;lap\na;1\n", "line 3: time_ms is missing"),
        ("\n\nracer;lap;time_ms\n\na;1;fast\n", "line 5: time_ms is 'fast'"),
        ('racer,lap,time_ms\na,1,"9,000"\n', "line 2: time_ms is '9,000'; write a whole number"),
        ("\n\n", "found: nothing"),
        ("racer,lap\na,1\n", "line 1: time_ms is missing"),
        ("", "found: nothing"),
        ("racer,lap,time_ms\n,1,5000\n", "line 2: racer is empty"),
        ("racer,lap,time_ms\na,1,fast\n", "line 2: time_ms is 'fast'"),
        ("racer,lap,time_ms\na,1,nan\n", "line 2: time_ms is 'nan'"),
        ("racer,lap,time_ms\na,1,-5\n", "line 2: time_ms is '-5'"),
        ("racer,lap,time_ms\na,1,inf\n", "line 2: time_ms is 'inf'"),
        ("racer,lap,time_ms\na,1.5,5000\n", "line 2: lap is '1.5'"),
        ("racer,lap,time_ms\na,1,5000\na,1,5000\n", "line 3: lap 1 of a's submission 1 is there twice"),
        ("racer,lap,time_ms,resets\na,1,5000,-1\n", "line 2: resets is '-1'"),
        ("racer,lap,time_ms,complete\na,1,5000,maybe\n", "line 2: complete is 'maybe'"),
        ('racer,lap,time_ms\n"a,1,5000\n', "no CSV file"),
    ],
)
def test_a_file_that_is_no_list_of_laps_is_told_so(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "broken.csv"
    path.write_text(text)
    with pytest.raises(LapFileError, match=r".") as refusal:
        read_laps(path)
    assert said in str(refusal.value)


def test_bytes_that_are_no_text_are_told_so(tmp_path: Path) -> None:
    path = tmp_path / "broken.csv"
    path.write_bytes(b"racer,lap,time_ms\n\xff\xfe,1,5000\n")
    with pytest.raises(LapFileError, match="no UTF-8 text"):
        read_laps(path)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.permutations(THREE.splitlines()[1:]), st.sampled_from(["total", "average", "best"]), st.integers(1, 4))
def test_the_order_of_the_rows_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], rule: str, minimum: int
) -> None:
    folder = tmp_path_factory.mktemp("laps")
    (folder / "plain.csv").write_text(THREE)
    (folder / "shuffled.csv").write_text("\n".join([THREE.splitlines()[0], *rows]))
    assert ranked(folder / "shuffled.csv", rule, minimum) == ranked(folder / "plain.csv", rule, minimum)
