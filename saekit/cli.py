"""The command line: thin, one function per verb, everything heavy imported inside it.

Bad input (`ValueError`, `OSError`) becomes one line on stderr and exit code 2; Ctrl-C exits 130 after the command has saved.
"""

import argparse
import sys


def main(argv=None):
    """Run one saekit command and return its exit code: 0 done, 1 a check failed, 2 bad input, 130 interrupted."""
    parser = build_parser()
    args = parser.parse_args(argv)
    try:
        return args.run(args) or 0
    except KeyboardInterrupt:
        print(f"saekit {args.command}: interrupted", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"saekit {args.command}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def build_parser():
    """The whole command line as one argparse parser."""
    parser = argparse.ArgumentParser(prog="saekit", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    return parser
