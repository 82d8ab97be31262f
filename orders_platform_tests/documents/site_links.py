"""A hook of mkdocs: what leads out of docs/ into the repository has no page, and is shown as the path that it is."""

from __future__ import annotations

import posixpath
import re
from typing import Any


def on_page_markdown(markdown: str, page: Any, **_: object) -> str:
    def shown(link: re.Match[str]) -> str:
        if re.match(r"[a-z]+:|#", link[2]):
            return link[0]
        path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page.file.src_uri), link[2]))
        return link[0] if path.startswith("docs/") else f"`{path}`"

    return re.sub(r"(?<!!)\[([^\]]+)\]\(([^)]+)\)", shown, markdown)
