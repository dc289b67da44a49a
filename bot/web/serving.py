"""What the service answers over HTTP: health, metrics, `POST /resolve`, the console and public pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from fastapi import FastAPI

    from bot.parts import Parts
    from bot.thumbnails import Thumbnails
    from bot.web.console.desk import Desk

log = structlog.get_logger()


@contextmanager
def serving(parts: Parts) -> Iterator[None]:
    """Answer requests while the block runs.

    Raises:
        ConfigError: the address or port cannot be had.
    """
    from bot.web.server import WebServer

    web = parts.settings.web
    with WebServer(create_app(parts), web.host, web.port) as server:
        log.info("listening", host=server.host, port=server.port, console=web.console)
        yield


def create_app(parts: Parts) -> FastAPI:
    """The application over a running bot."""
    from bot.web import health
    from bot.web.api.application import MOUNTED_AT, create_api
    from bot.web.console.application import install
    from bot.web.metrics import metrics_router
    from bot.web.resolving import resolve_router, with_token

    web = parts.settings.web
    app = health.create_app(parts.service.health, web.token)
    admit = with_token(web.token)
    app.include_router(resolve_router(parts.resolver, admit))
    app.include_router(metrics_router(parts.store, parts.service.health, parts.service.budgets, admit))
    app.mount(
        MOUNTED_AT,
        create_api(
            parts.store,
            parts.service.health,
            tuple(parts.settings.analysis.detectors),
            web.requests_per_minute,
        ),
    )
    thumbnails = _thumbnails(parts)
    if web.console:
        install(app, _desk(parts, thumbnails))
    if parts.settings.public.enabled:
        _install_public(app, parts, thumbnails)
    return app


def _thumbnails(parts: Parts) -> Thumbnails:
    from bot.assembly import media_limits
    from bot.thumbnails import Thumbnails

    settings = parts.settings
    return Thumbnails(settings.data_dir / "thumbnails", parts.resolver.path, media_limits(settings))


def _install_public(app: FastAPI, parts: Parts, thumbnails: Thumbnails) -> None:
    from bot.card import Cards, Thumbnail
    from bot.web.public.application import install

    settings, store = parts.settings, parts.store
    cards = Cards(store, settings.data_dir / "cards", thumbnails, Thumbnail(settings.public.medium))
    install(app, settings, store, parts.resolver, cards, thumbnails)


def _desk(parts: Parts, thumbnails: Thumbnails) -> Desk:
    from bot.card import Cards, Thumbnail
    from bot.parts import build_writer
    from bot.web.console.desk import Desk
    from bot.web.console.guard import Guard
    from bot.web.console.pages import Pages

    settings, store = parts.settings, parts.store
    return Desk(
        settings=settings,
        store=store,
        flow=parts.flow,
        writer=build_writer(settings, store),
        analyzer=parts.analyzer,
        resolver=parts.resolver,
        keeper=parts.keeper,
        platforms={platform.name: platform for platform in parts.platforms},
        health=parts.service.health,
        budgets=parts.service.budgets,
        wake=parts.service.wake,
        pages=Pages(test_mode=settings.test_mode, now=store.now),
        guard=Guard(store, settings.web),
        thumbnails=thumbnails,
        cards=Cards(store, settings.data_dir / "cards", thumbnails, Thumbnail(settings.reply.card_medium))
        if settings.reply.card
        else None,
    )
