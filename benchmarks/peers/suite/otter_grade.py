"""otter's documented API for grading without containers, in one process: `otter_grade.py autograder.zip FOLDER…`."""

import json
import sys
from pathlib import Path

from otter.api import grade_submission

if __name__ == "__main__":
    for argument in sys.argv[2:]:
        folder = Path(argument)
        try:
            results = grade_submission(str(folder / "backprop.ipynb"), sys.argv[1], quiet=True)
        except Exception as error:
            folder.joinpath("failed.txt").write_text(f"{type(error).__name__}: {error}")
            continue
        if results.has_catastrophic_failure():  # nothing came back from the notebook: otter's report gives 0 points
            folder.joinpath("failed.txt").write_text(results.summary())
            continue
        files = [results.get_result(name) for name in results.test_files]
        said = [file.summary() for file in files if file.score < file.possible]
        folder.joinpath("result.json").write_text(json.dumps({"total": results.total, "said": said}))
