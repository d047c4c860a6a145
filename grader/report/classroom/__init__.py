"""The class report: a page for the class, for each student and for each exercise, or all of them in one file."""

from grader.report.classroom.write import class_report

__all__ = ["class_report"]
