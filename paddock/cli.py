"""The `paddock` command: one group, Flask's own command line underneath.

Exit codes: 0 done · 1 looked at and found wanting · 2 wrong usage or input · 3 something that is needed is not there.
"""

from __future__ import annotations

import sys
from typing import NoReturn

import click
from flask.cli import AppGroup

from paddock.commands import archives, bench, instance, learning, ledger, picture, reward, standings, tracks, verify
from paddock.failures import WRONG_INPUT, exit_code_of, words_of

INTERRUPTED = 130


@click.group(cls=AppGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="paddock", prog_name="paddock")
def paddock() -> None:
    """Paddock: a self-hosted race portal for autonomous-racing reinforcement learning.

    `up` starts everything. `tracks`, `reward`, `train`, `evaluate`, `export`, `import`, `standings`, `verify` and
    `bench` need neither portal nor queue. Settings are environment variables that begin with PADDOCK_;
    docs/configuration.md lists them.
    """


for module in (instance, ledger, standings, tracks, picture, reward, learning, verify, archives, bench):
    for command in module.COMMANDS:
        paddock.add_command(command)


def _usage_line(error: click.ClickException) -> str:
    """A wrong call in one line: what is wrong with it, and where its help is."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error.format_message()
    message = " ".join(error.format_message().split()).rstrip(".")
    command = context.command_path if context else "paddock"
    return f"paddock: {message}; `{command} --help` says how it is called"


def main() -> NoReturn:
    """Runs the command line. Every error that a person can mend is one line and an exit code."""
    try:
        paddock.main(standalone_mode=False)
    except click.exceptions.Exit as ending:
        sys.exit(ending.exit_code)
    except click.ClickException as error:
        click.echo(_usage_line(error), err=True)
        sys.exit(WRONG_INPUT)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:
        code = exit_code_of(error)
        if code is None:
            raise
        click.echo(f"paddock: {words_of(error)}", err=True)
        sys.exit(code)
    sys.exit(0)
