"""`paddock ledger`: what an operator asks of the ledger."""

from __future__ import annotations

import sys

import click

from paddock.environment import settings


@click.group()
def ledger() -> None:
    """The ledger of hours, storage and estimated money."""


@ledger.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(as_json: bool) -> None:
    """Add up every line and compare with balances and sums. Exits with 1 where something differs; changes nothing."""
    from paddock.ledger import examine, show

    findings = examine(settings())
    click.echo(show(findings, as_json=as_json))
    if findings.differences:
        sys.exit(1)


COMMANDS = (ledger,)
