"""What the release of a course says: to instructors who make one, to students who got one."""

# --- help texts and problems of a release ------------------------------------------------------------------------

STUB_MARK = "{file}, line {line}: `{mark}` is no mark that is expected here. A stub is made with `# <todo: about 3 lines.>` … `# </todo>` around what students write, and `# <ours>` … `# </ours>` around what they do not get; marks do not nest."
STUB_MARK_OPEN = "{file}, line {line}: this mark is never closed. `# </{mark}>` is missing."
STUB_MARK_OUTSIDE = "{file}, line {line}: `# <todo: …>` stands outside of a function. It marks the lines of one function or method that students write."
STUB_NO_PYTHON = "{file}: this cannot be read as Python, with or without what is marked ({problem})."
