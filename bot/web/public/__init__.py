"""The public pages of verdicts, under `/v/TOKEN`: for everyone, without signing in, script or cookie.

`application` the routes; `showing` what a page tells; `texts` its words in each language; `pace` how often
one may ask. Nothing that strangers have written stands on these pages: no handle, no post, no description.
"""
