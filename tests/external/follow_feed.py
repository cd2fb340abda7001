"""A reader of feeds as somebody else writes it, with the library `reader`: for each line that comes
in, it reads the feed anew and says the titles that it has, or that the feed is gone."""

import sys

from reader import ParseError, make_reader  # type: ignore[import-not-found]

url = sys.argv[1]
library = make_reader(":memory:")
library.add_feed(url)
for _line in sys.stdin:
    try:
        library.update_feed(url)
        titles = sorted(entry.title for entry in library.get_entries())
        print(" | ".join(titles), flush=True)
    except ParseError:
        print("gone", flush=True)
