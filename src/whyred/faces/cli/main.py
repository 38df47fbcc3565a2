"""The entry point: turns every end into the exit code of the design.

Nothing is imported at the top but what Python itself has imported already: whoever presses Ctrl-C while the imports
run, which is most of the first tenth of a second, sees no traceback either.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> "NoReturn":
    """Runs the program and exits."""
    try:
        _watch_signals()
        _fill_closed()
        code = _run()
        _be_brief()
    except KeyboardInterrupt:  # before there was anything to interrupt, or a second time
        code = 130
    sys.exit(code)


def _watch_signals() -> None:
    import signal

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # under nohup, SIGHUP stays ignored
            signal.signal(number, _terminated)


def _fill_closed() -> None:
    """Gives the numbers 0 to 2 a harmless file where a stream is closed: else the next file that is opened gets one of
    them, and what is meant for a terminal is written into it."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is given, and this is it.
            os.open(os.devnull if os.path.exists(os.devnull) else "/", os.O_RDONLY)  # noqa: PTH110


def _terminated(number: int, _frame: object) -> "NoReturn":
    """A signal that ends programs ends this one as an exception does: what was begun is taken away again."""
    sys.exit(128 + number)


def _be_brief() -> None:
    """From here on Ctrl-C ends the process at once: while it ends by itself nobody would catch the exception."""
    import signal

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _run() -> int:
    import click

    from whyred.faces.cli.program import AS_JSON, cli

    context: click.Context | None = None
    try:
        if "_WHYRED_COMPLETE" in os.environ:
            from whyred.faces.cli.shells import complete

            complete(cli)
        # Not `cli.main`: that one takes a reader of our output that went away for an error.
        with cli.make_context("whyred", sys.argv[1:]) as context:
            code = cli.invoke(context)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as e:
        return e.exit_code
    except click.ClickException as e:
        from whyred.faces.cli.ends import usage

        return usage(e)
    except (click.Abort, KeyboardInterrupt):
        from whyred.faces.cli.ends import interrupted

        return interrupted()
    except BrokenPipeError:
        # The reader of our output went away (`| head`): not an error, and the interpreter must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as e:  # noqa: BLE001 - the top of this face: the one place that may catch everything
        from whyred.faces.cli.ends import end

        if context is None:
            return end(e)
        return end(e, context.invoked_subcommand, as_json=AS_JSON in context.meta)


if __name__ == "__main__":
    main()
