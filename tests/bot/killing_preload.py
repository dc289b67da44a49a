"""Imported once by the server that `tests.bot.killing` forks its children from."""

import analysis.stub
import bot.analyses
import bot.assembly
import bot.config
import bot.flow
import bot.platforms.inbox
import bot.platforms.simulated
import bot.process
import bot.replies
import bot.resolver.fetcher
import bot.service
import bot.writer
import state.store

LOADED = (
    analysis.stub,
    bot.analyses,
    bot.assembly,
    bot.config,
    bot.flow,
    bot.platforms.inbox,
    bot.platforms.simulated,
    bot.process,
    bot.replies,
    bot.resolver.fetcher,
    bot.service,
    bot.writer,
    state.store,
)
