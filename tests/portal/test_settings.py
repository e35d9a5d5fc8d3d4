"""Configuration: read once, refused where it is wrong, and told as it is."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from portal.settings import PREFIX, VARIABLES, Settings, SettingsError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"


def rows() -> dict[str, tuple[str, str]]:
    """Name, default and meaning of every variable on the page."""
    found = re.findall(r"^\| `(PADDOCK_\w+)` \| (.*?) \| (.+?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: (default.strip("` "), meaning) for name, default, meaning in found}


def test_the_page_lists_every_variable_with_its_default_and_meaning_in_the_codes_order() -> None:
    expected = {
        PREFIX + variable.name: (variable.default.replace("|", "\\|"), variable.meaning) for variable in VARIABLES
    }
    assert list(rows().items()) == list(expected.items())


def test_every_variable_is_a_field_and_every_field_a_variable() -> None:
    assert [field.name for field in fields(Settings)] == [variable.name.lower() for variable in VARIABLES]


def test_nothing_set_is_a_local_instance() -> None:
    settings = Settings.read({"PATH": "/bin"})
    assert settings.address == "http://127.0.0.1:8000"
    assert settings.issuer == "http://127.0.0.1:8000/idp"
    assert settings.uses_local_provider
    assert settings.is_loopback


def test_an_unknown_variable_stops_the_start_and_names_itself() -> None:
    with pytest.raises(SettingsError, match=r"PADDOCK_PROT is not a setting.*docs/configuration\.md"):
        Settings.read({"PADDOCK_PROT": "8000"})


def test_what_the_core_reads_by_itself_is_no_unknown_setting() -> None:
    assert Settings.read({"PADDOCK_WITHOUT_AVX2": "1"}) == Settings.read({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "-1"),
        ("PORT", "70000"),
        ("PORT", ""),
        ("WORKERS", "0"),
        ("WORKERS", "1.5"),
        ("PUBLIC_URL", "paddock.example"),
        ("PUBLIC_URL", "ftp://paddock.example"),
        ("OIDC_ISSUER", "//sso.example"),
        ("DATABASE_URL", "mysql://x"),
        ("REDIS_URL", "localhost:6379"),
        ("SECRET_KEY", "short"),
        ("ACCEPT_WEAKER_SANDBOX", "yes"),
        ("LOG_LEVEL", "loud"),
        ("SESSION_IDLE_S", "10"),
        ("TRUSTED_PROXIES", "99"),
    ],
)
def test_a_malformed_value_stops_the_start_and_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^PADDOCK_{name} must "):
        Settings.read({f"PADDOCK_{name}": value})


def test_a_provider_needs_a_client() -> None:
    for given in ({}, {"PADDOCK_OIDC_CLIENT_ID": "x"}, {"PADDOCK_OIDC_CLIENT_SECRET": "y"}):
        with pytest.raises(SettingsError, match="PADDOCK_OIDC_ISSUER needs"):
            Settings.read({"PADDOCK_OIDC_ISSUER": "https://sso.example", **given})


def test_groups_are_listed_by_commas() -> None:
    settings = Settings.read({"PADDOCK_OIDC_ADMIN_GROUPS": "race-directors, IT Admins ,,"})
    assert settings.oidc_admin_groups == ("race-directors", "IT Admins")


def test_settings_cannot_be_changed_while_it_runs() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings.read({}).port = 1  # type: ignore[misc]


def test_a_long_data_directory_gets_a_socket_with_a_short_name(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    assert len(str(Settings.read({"PADDOCK_DATA": str(deep)}).valkey_socket)) <= 107
