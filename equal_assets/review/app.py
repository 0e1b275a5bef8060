"""The web page of a review: a few files, the pairs as JSON, and verdicts that come back."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from equal_assets.algorithms.extraction.marking import marked
from equal_assets.errors import EqualError, ReviewError, WarehouseLockedError
from equal_assets.pages.values import printable
from equal_assets.resources.verdicts import PairVerdict
from equal_assets.review.checking import checked_verdict
from equal_assets.review.guard import Guard
from equal_assets.review.pairs import Reviewing, ReviewPair

STATIC = Path(__file__).parent / "static"
PAGE = {"": "review.html", "review.js": "review.js", "review.css": "review.css"}

FIELDS = {"pair", "verdict", "reason", "new_question", "new_answer"}


def new_token() -> str:
    """Return what makes the address of a page unknown to others."""
    return secrets.token_urlsafe(24)


def review_app(reviewing: Reviewing, *, token: str, port: int) -> Starlette:
    """Return the application that shows pairs and takes verdicts.

    Parameters
    ----------
    reviewing : Reviewing
    token : str
        Part of the address.
    port : int
        That it will listen on.
    """

    def pairs(request: Request) -> Response:
        try:
            reviewing.load()
        except WarehouseLockedError:
            if not reviewing.pairs:
                raise
        return JSONResponse(_index(reviewing))

    def pair(request: Request) -> Response:
        return JSONResponse(_shown(_known(reviewing, request.path_params["qa_id"])))

    async def say(request: Request) -> Response:
        given = await _json(request)
        return JSONResponse(await run_in_threadpool(_say, reviewing, given))

    def undo(request: Request) -> Response:
        taken_back = reviewing.undo()
        changed = _changed(reviewing, taken_back) if taken_back else {}
        return JSONResponse({"pair": taken_back, "verdicts": changed})

    routes = [
        Route(f"/{token}/{path}", lambda _, file=file: FileResponse(STATIC / file))
        for path, file in PAGE.items()
    ]
    routes += [
        Route(f"/{token}/pairs", pairs),
        Route(f"/{token}/pairs/{{qa_id}}", pair),
        Route(f"/{token}/verdicts", say, methods=["POST"]),
        Route(f"/{token}/undo", undo, methods=["POST"]),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, token=token, port=port)],
        exception_handlers={EqualError: _told},
    )


def _told(request: Request, error: Exception) -> Response:
    """Return an error of the project as what the page shows."""
    status = 400 if isinstance(error, ReviewError) else 503
    return JSONResponse({"error": printable(str(error))}, status)


def _index(reviewing: Reviewing) -> dict[str, Any]:
    return {
        "campaign": reviewing.campaign,
        "reviewer": reviewing.reviewer,
        "pairs": [
            {
                "id": found.qa_id,
                "cluster": printable(found.cluster_name),
                "source": printable(found.source),
                "score": found.score,
                "round": found.round,
                "is_left_out": found.is_left_out,
            }
            for found in reviewing.pairs.values()
        ],
        "verdicts": _verdicts(reviewing),
    }


def _verdicts(reviewing: Reviewing) -> dict[str, Any]:
    """Return what counts of the pairs that are shown, by id."""
    standing = reviewing.standing()
    return {
        found.qa_id: _told_verdict(standing[found.pair])
        for found in reviewing.pairs.values()
        if found.pair in standing
    }


def _changed(reviewing: Reviewing, qa_id: str) -> dict[str, Any]:
    """Return what counts of a pair, and of all others in the same words; None: nothing."""
    pair = reviewing.pairs[qa_id].pair
    verdict = reviewing.standing().get(pair)
    told = _told_verdict(verdict) if verdict else None
    return {found.qa_id: told for found in reviewing.pairs.values() if found.pair == pair}


def _told_verdict(verdict: PairVerdict) -> dict[str, str | None]:
    return {
        "said": verdict.said,
        "reviewer": printable(verdict.reviewer),
        "said_at": verdict.said_at,
        "reason": printable(verdict.reason),
        "question": printable(verdict.edited.question) if verdict.edited else None,
        "answer": printable(verdict.edited.answer) if verdict.edited else None,
    }


def _shown(found: ReviewPair) -> dict[str, Any]:
    return {
        "id": found.qa_id,
        "question": printable(found.pair.question),
        "answer": printable(found.pair.answer),
        "title": printable(found.title),
        "place": printable(found.place if found.title != found.place else ""),
        "pieces": [
            {
                "text": printable(piece.text),
                "marked": bool(piece.answers),
                "said": bool(piece.said_by),
            }
            for piece in marked(found.document.text, [found.pair.answer])
        ],
    }


def _known(reviewing: Reviewing, qa_id: str) -> ReviewPair:
    if qa_id not in reviewing.pairs:
        raise ReviewError(f"pair = {qa_id!r}: must be one of the campaign; load the page again")
    return reviewing.pairs[qa_id]


async def _json(request: Request) -> dict[str, str]:
    try:
        given = await request.json()
    except ValueError as error:
        raise ReviewError("the request: must be JSON") from error
    is_flat = isinstance(given, dict) and all(isinstance(v, str) for v in given.values())
    if not is_flat or not {"pair", "verdict"} <= given.keys() <= FIELDS:
        raise ReviewError(f"the request: must be an object of texts, {', '.join(sorted(FIELDS))}")
    return dict(given)


def _say(reviewing: Reviewing, given: dict[str, str]) -> dict[str, Any]:
    """Store one verdict; it is on the disk when the reply is sent."""
    found = _known(reviewing, given.pop("pair"))
    said = given.pop("verdict")
    verdict = checked_verdict(found.pair, said, reviewer=reviewing.reviewer, **given)
    reviewing.say([verdict])
    return {"verdicts": _changed(reviewing, found.qa_id)}
