"""Running an instance: `up`, its parts, and what an operator does from the command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from paddock.environment import settings


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the portal; PADDOCK_PORT otherwise.")
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="Data directory; PADDOCK_DATA otherwise."
)
@click.option(
    "--demo", is_flag=True, help="Add an organizer, racers, trained models and an open race. On 127.0.0.1 only."
)
def up(port: int | None, data: Path | None, demo: bool) -> None:
    """Start everything on this machine: queue server, portal, workers. Ctrl-C stops it."""
    if port is not None:
        os.environ["PADDOCK_PORT"] = str(port)
    if data is not None:
        os.environ["PADDOCK_DATA"] = str(data.resolve())
    from paddock.supervisor import Supervisor

    Supervisor(settings(), demo=demo, say=lambda text: click.echo(text)).run()


@click.command()
def web() -> None:
    """Serve the portal."""
    from paddock.server import serve

    serve(settings())


@click.command()
@click.option("--name", default="worker", show_default=True, help="Name of this worker, shown to administrators.")
@click.option(
    "--queue",
    "queues",
    multiple=True,
    default=("evaluation", "training"),
    show_default=True,
    help="Queue to work on; the first is served first.",
)
def worker(name: str, queues: tuple[str, ...]) -> None:
    """Run jobs from the queue."""
    from jobs.worker import run_worker

    run_worker(settings(), list(queues), name)


@click.command()
def maintenance() -> None:
    """Send what the queue has not heard of, take over from lost workers, tidy up."""
    from jobs.maintenance import run_forever

    run_forever(settings())


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 where the database is not current.")
def migrate(check: bool) -> None:
    """Bring the database to the newest version."""
    from migrations.upgrade import is_current, upgrade

    configuration = settings()
    configuration.data_path.mkdir(parents=True, exist_ok=True)
    if check:
        current = is_current(configuration.database_address)
        click.echo("The database is current." if current else "The database needs `paddock migrate`.")
        sys.exit(0 if current else 1)
    upgrade(configuration.database_address)
    click.echo("The database is current.")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool) -> None:
    """Look whether everything that Paddock needs is here. Exits with 1 when something is not."""
    from paddock.doctor import examine, show

    findings = examine(settings())
    click.echo(show(findings, as_json=as_json))
    if not all(finding.ok for finding in findings):
        sys.exit(1)


@click.command(hidden=True)
@click.option("--demo", is_flag=True, help="The first administrator gets the demo's password.")
def prepare(demo: bool) -> None:
    """Bring the database up to date and make the first administrator; `up` runs this."""
    from paddock.operator import prepare as prepare_instance

    click.echo(prepare_instance(settings(), demo=demo))


@click.command(hidden=True)
def demo() -> None:
    """Prepare the demo's people, models and race; `up --demo` runs this."""
    from paddock.demo import prepare as prepare_demo

    prepare_demo(settings(), say=lambda text: click.echo(text))


@click.group()
def admin() -> None:
    """What only the operator may do."""


@admin.command("grant")
@click.argument("who")
@click.option("--revoke", is_flag=True, help="Take the grant back.")
def grant(who: str, revoke: bool) -> None:
    """Make somebody who has signed in once an administrator. WHO is an alias or an e-mail address."""
    from paddock.operator import grant_admin

    click.echo(grant_admin(settings(), who, granted=not revoke))


@admin.command("password")
@click.argument("username")
def password(username: str) -> None:
    """Give a local account a new password, shown once."""
    from paddock.operator import new_password

    click.echo(new_password(settings(), username))


COMMANDS = (up, web, worker, maintenance, migrate, doctor, prepare, demo, admin)
