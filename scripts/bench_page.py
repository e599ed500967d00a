"""Puts what was measured into a page, between the two marks that it has for it."""

import sys


def put_into_page(page, name, text):
    """`page`: a pathlib.Path. The marks are <!-- name --> and <!-- end of name -->, each on a line of its own."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, _, rest = page.read_text().partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        sys.exit(f"bench: {page} has no marks for {name}")
    page.write_text(before + begin + text + end + after)
