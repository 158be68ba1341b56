"""The verbs of the command line that a course needs besides its subject: one function each, everything heavy imported
inside it."""


def add_course_commands(commands):
    """build, lab, release, similar, run, test, grade, doctor, as subparsers of `saekit`."""
    build = commands.add_parser("build", help="notebooks and references from the lesson sources")
    build.add_argument("--check", action="store_true", help="change nothing; fail on drift, leaks, stale outputs")
    build.add_argument("--execute", nargs="+", default=[], metavar="NN",
                       help='execute these lessons ("6", "train_sae", "all") and store outputs')
    build.add_argument("--nbgrader", metavar="DIR", help="also write DIR/source/, nbgrader's own tree")
    build.set_defaults(run=run_build)
    lab = commands.add_parser("lab", help="open JupyterLab on the first lesson")
    lab.add_argument("--no-browser", action="store_true", help="print the address instead of opening a browser")
    lab.add_argument("--port", type=int, default=8888, help="first port to try")
    lab.set_defaults(run=run_lab)
    release = commands.add_parser("release", help="a student bundle: lessons without solutions, as folder and zip")
    release.add_argument("lessons", nargs="+", metavar="NN", help='"6", "train_sae" or "all"')
    release.add_argument("--out", required=True, metavar="DIR")
    release.add_argument("--graded", nargs="+", default=[], metavar="EXERCISE",
                         help='exercises without a stand-in: names, "lesson.name", or "all"')
    release.add_argument("--variant", default="", metavar="SEED", help="a word: other numbers and letters for each")
    release.add_argument("--add-on", action="store_true", help="only what these lessons add to an earlier bundle")
    release.set_defaults(run=run_release)
    similar = commands.add_parser("similar", help="answers that are alike beyond chance, for a person to look at")
    similar.add_argument("submissions", help="folder or zip, as for `saekit grade`")
    similar.add_argument("--out", metavar="CSV", help="write the pairs to this file too")
    similar.set_defaults(run=run_similar)
    run = commands.add_parser("run", help="execute lessons without a browser; HTML copies go to build/")
    run.add_argument("lessons", nargs="*", default=["all"], metavar="NN", help='"6", "train_sae" or "all"')
    run.add_argument("--student", action="store_true", help="the student copies instead of the solutions")
    run.set_defaults(run=run_lessons)
    test = commands.add_parser("test", help="the tests, and every notebook executed by nbval")
    test.add_argument("--all", action="store_true", help="the slow suites too")
    test.set_defaults(run=run_tests)
    add_grade_command(commands)
    doctor = commands.add_parser("doctor", help="what this machine has, what will run, what will not and why")
    doctor.set_defaults(run=run_doctor)


def add_grade_command(commands):
    """grade: submissions marked in sandboxes."""
    grade = commands.add_parser("grade", help="mark submissions: folders, zips or loose notebooks, named by student")
    grade.add_argument("submissions", help="a folder, or one zip of all (Canvas and Moodle downloads too)")
    grade.add_argument("--out", required=True, metavar="FILE.csv", help="the grades; a folder FILE/ beside it holds the rest")
    grade.add_argument("--jobs", type=int, default=2, help="submissions marked at the same time (default 2)")
    grade.add_argument("--seconds", type=int, default=10, help="CPU seconds an answer may take (default 10)")
    grade.add_argument("--memory", type=int, default=512, help="MB an answer may use beyond its libraries (default 512)")
    grade.add_argument("--marks", metavar="FILE.csv", help="more points given by hand, merged over the others and over those in by_hand.csv")
    grade.set_defaults(run=run_grade)


def run_grade(args):
    """saekit grade."""
    from saekit.course.grade import command

    return command(args)


def run_build(args):
    """saekit build."""
    if args.check:
        from saekit.course.audit import check

        return check()
    from saekit.course.build import build

    return build(args.execute, args.nbgrader)


def run_release(args):
    """saekit release."""
    from saekit.course.release import release

    return release(args.lessons, args.out, args.graded, args.variant, args.add_on)


def run_similar(args):
    """saekit similar."""
    from saekit.course.copies import similar

    return similar(args.submissions, args.out)


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
