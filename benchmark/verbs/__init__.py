"""The verbs of the command line, one module each: a frozen dataclass of options and `main(options) -> exit code`.

No module here imports torch before its `main` needs it, so that `--help` answers at once.
"""
