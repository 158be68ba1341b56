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
    add_course_commands(commands)
    return parser


def add_course_commands(commands):
    """build, lab, run, test, doctor: what a course needs besides its subject."""
    build = commands.add_parser("build", help="notebooks and references from the lesson sources")
    build.add_argument("--check", action="store_true", help="change nothing; fail on drift, leaks, stale or faulty outputs")
    build.add_argument("--execute", nargs="+", default=[], metavar="NN", help='execute these lessons ("6", "train_sae", "all") and store outputs')
    build.add_argument("--nbgrader", metavar="DIR", help="also write DIR/source/, nbgrader's own tree")
    build.set_defaults(run=run_build)
    lab = commands.add_parser("lab", help="open JupyterLab on the first lesson")
    lab.add_argument("--no-browser", action="store_true", help="print the address instead of opening a browser")
    lab.add_argument("--port", type=int, default=8888, help="first port to try")
    lab.set_defaults(run=run_lab)
    run = commands.add_parser("run", help="execute lessons without a browser; HTML copies go to build/")
    run.add_argument("lessons", nargs="*", default=["all"], metavar="NN", help='"6", "train_sae" or "all" (the default)')
    run.add_argument("--student", action="store_true", help="the student copies instead of the solutions")
    run.set_defaults(run=run_lessons)
    test = commands.add_parser("test", help="every test, and every notebook executed by nbval")
    test.add_argument("--all", action="store_true", help="the slow suites too")
    test.set_defaults(run=run_tests)
    doctor = commands.add_parser("doctor", help="what this machine has, what will run, what will not and why")
    doctor.set_defaults(run=run_doctor)


def run_build(args):
    """saekit build."""
    if args.check:
        from saekit.course.audit import check

        return check()
    from saekit.course.build import build

    return build(args.execute, args.nbgrader)


def run_lab(args):
    """saekit lab."""
    from saekit.course.run import lab

    return lab(args.port, browser=not args.no_browser)


def run_lessons(args):
    """saekit run."""
    from saekit.course.run import run

    return run(args.lessons, student=args.student)


def run_tests(args):
    """saekit test."""
    from saekit.course.run import test

    return test(everything=args.all)


def run_doctor(args):
    """saekit doctor."""
    from saekit.doctor import main as doctor

    return doctor()
