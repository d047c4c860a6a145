"""Grades on their way back: a module for each format, all with the same `export`.

    def export(view: ClassView, out: Path, template: Path | None = None) -> Exported

`out` is the file or folder to write, `template` the platform's own file that is to be filled in, where there is one.
"""
