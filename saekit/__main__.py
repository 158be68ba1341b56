"""`python -m saekit …` is the same as `saekit …`; torchrun needs this form."""

from saekit.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
