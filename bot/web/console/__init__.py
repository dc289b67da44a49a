"""The operators' console: server-rendered pages under `/console`.

`desk` what every page works with; `guard` who may see and do what; `pages` how templates become answers;
`application` puts the pages together. Each further module is one page with its routes.
"""
