"""Tests that keep the pages of docs/ true: what they show as output is made again and compared.

A block of output in a page stands behind a comment `<!-- real: NAME -->`. To bring all blocks up to date:

    pytest tests/docs --update-docs
"""
