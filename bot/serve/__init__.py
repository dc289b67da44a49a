"""The analysis engine alone over HTTP: `veritag serve`.

    request ──gate (key, size, rate)──▶ desk (bounded queue) ──▶ judging ──▶ engine
                                          └── job: polled, or waited for

Field names of answers follow what services of this kind have used: ``df_probability``, ``prediction``.
"""
