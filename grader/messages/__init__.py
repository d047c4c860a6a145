"""Every sentence a user reads, as templates for `str.format`, one module per reader; said as `messages.NAME`.

One place, so that wording can be tested line by line and translated. Form: what and where; expected and got; what to
try next. Nothing here mentions processes, sockets or pickles to a student. No name is defined twice.
"""

from grader.messages.authoring import *
from grader.messages.checks import *
from grader.messages.class_report import *
from grader.messages.export import *
from grader.messages.gradebook import *
from grader.messages.grading import *
from grader.messages.handing_in import *
from grader.messages.instructor import *
from grader.messages.intake import *
from grader.messages.machine import *
from grader.messages.release import *
from grader.messages.report import *
from grader.messages.spawned import *
from grader.messages.student import *
from grader.messages.training import *
from grader.messages.watch import *
