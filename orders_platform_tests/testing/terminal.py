"""What a call of the command line came to."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """Exit code and what was written where."""

    code: object
    out: str
    err: str

    @property
    def document(self) -> dict:
        """Standard output as the JSON object that it must be, alone."""
        return json.loads(self.out)


Terminal = Callable[..., Outcome]


def captured(main: Callable[[], None]) -> Outcome:
    """Call the console script's function; a return is exit code 0, as for the script."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as request:
            code = request.code
    return Outcome(code or 0, out.getvalue(), err.getvalue())
