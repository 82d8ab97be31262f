"""Who may ask the local web servers, the Dagster UI's and the sandbox's: this machine by its own names, and in a browser their own pages.

Neither knows people, so any page that somebody on this machine opens could write to them: by a request across origins, or under a name that
it makes lead to 127.0.0.1. Dagster's webserver checks neither Origin nor Host, and executes mutations that are sent by GET.
`python -m orders_platform.webserver` is `dagster-webserver` behind this check, and with `dev` as its first word `dagster dev`. It shows the
pages of the customers as well, at /reports/CUSTOMER.
"""

import itertools
import re
import socket
import sys
import warnings
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from orders_platform.errors import ConfigurationError

_OWN_NAME = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)


class SameOrigin:
    """An ASGI application that hands on what may come in, and answers 403 to the rest.

    A program that is no browser sends no Origin, and is let in.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        why = _refusal(scope) if scope["type"] in {"http", "websocket"} else ""
        if not why:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(1008, why)(scope, receive, send)
        else:
            await PlainTextResponse(f"{why}\n", 403, {"Connection": "close"})(scope, receive, send)


def _refusal(scope: Scope) -> str:
    headers = Headers(scope=scope)
    hosts, origins = headers.getlist("host"), headers.getlist("origin")
    if len(hosts) != 1 or not _OWN_NAME.fullmatch(hosts[0]):
        return "This server answers at 127.0.0.1, localhost and [::1] only; a proxy names one of them in Host."
    if any(origin != f"http://{hosts[0]}" for origin in origins):
        return "A page of another origin asked; only pages of this server may."
    if scope.get("method") == "GET" and scope["query_string"] and scope["path"].endswith("/graphql"):
        return "A GraphQL document is taken by POST only: any page can send a GET."
    return ""


def _page(request: Request) -> Response:
    """The page of a customer, of another origin than Dagster's (`sandbox`): whatever a file in that folder holds, it starts no run."""
    from orders_platform.reports.rendering import page_of, page_policy  # here: the sandbox needs none of it
    from orders_platform.settings import Settings

    try:
        page = page_of(Settings().report_folder, request.path_params["customer"])
    except ConfigurationError as error:
        return PlainTextResponse(f"{error}\n", 500)
    if not page.is_file():
        words = f"There is no page of this customer in {page.parent}: no run has ended yet, or [reports] names another folder here.\n"
        return PlainTextResponse(words, 404)
    policy = f"{page_policy()}; frame-ancestors 'none'; sandbox allow-scripts allow-popups allow-popups-to-escape-sandbox"
    headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return FileResponse(page, headers=headers, media_type="text/html")


def _require_free(words: list[str]) -> None:
    """End where the port that `-p` names is taken: Dagster's webserver would end long after everything else has started."""
    port = int(dict(itertools.pairwise(words)).get("-p", "3000"))
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            taken = f"Port {port} on 127.0.0.1 is taken, maybe by another Dagster UI"
            sys.exit(f"{taken}. Choose another: `make ui PORT={port + 1}`.")


def main() -> None:
    """`dagster-webserver` with its own arguments, or `dagster dev`."""
    from dagster import SupersessionWarning
    from dagster._cli import dev  # here: the sandbox needs neither
    from dagster_webserver import cli, webserver
    from starlette.middleware import Middleware
    from starlette.routing import Route

    if sys.argv[1:2] == ["dev"]:
        _require_free(sys.argv)
        warnings.simplefilter("ignore", SupersessionWarning)  # of `dagster dev` by `dg dev`, which takes no webserver of ours
        tools: Any = dev
        start, ours = tools.open_ipc_subprocess, "orders_platform.webserver"
        tools.open_ipc_subprocess = lambda words, **named: start(
            [ours if word == "dagster_webserver" else word for word in words], **named
        )
        dev.dev_command(sys.argv[2:])
    server: Any = webserver.DagsterWebserver
    middleware, routes = server.build_middleware, server.build_routes
    server.build_middleware = lambda self: [Middleware(SameOrigin), *middleware(self)]
    server.build_routes = lambda self: [Route(f"{self._app_path_prefix}/reports/{{customer:path}}", _page), *routes(self)]
    cli.cli(auto_envvar_prefix="DAGSTER_WEBSERVER")


if __name__ == "__main__":
    main()
