"""Full-text search of claims and statements, and claims that may say the same.

This page says how search works, and which file does which part.

From text to terms (`index/`)
    `tokenizer` splits a text into words and normalizes them as names are: lower case, Latin
    letters, no accents. What has several spellings (re-opening, O’Neill) it reads in parts and in
    one.
    `stemmer` reduces each word to its stem in English, Serbian and Albanian.
    `searchable_fields` says which fields a claim or statement is found by (text, names, quotes) and
    reads each as words and stems; `field_sources` reads from the database what they are made of.
    `query_parser` makes a `Query` of what somebody typed: words, "phrases", prefix*, -exclusions.

What is a result, and how good is it
    `index/ranking` is the definition. It takes a query and the fields of one claim, and gives a
    tier: all words together in the text, in the text, with the names, or anywhere. Everything else
    here exists to get the same answer from a database without reading all claims. The tests compare
    the two.

The index on each database (`index/`)
    Each claim and each statement has one row, with its terms as one line. `postings` makes the line
    and explains its alphabet: `1troop` is the stem "troop" in the text, `3troop` anywhere.
    `index_tables` stores lines: under FTS5 on SQLite, as tsvectors under GIN on PostgreSQL.
    `index_writer` writes the rows in the transaction of the event that changes them;
    `index_rebuild` builds them anew, in batches, where they are of another version.
    `match_syntax` writes what to look for in the syntax of either database; `match_expressions` has
    the SQL around that, and `IndexQuery`, which asks for the rows of one tier.
    `term_statistics` tells how common words are, so that a search knows what it can afford.

Pages of results (`finding/`)
    `index_pages` goes through an index tier by tier, in each from the newest row down, until a page
    is full, in one statement. The cursor of the next page holds a tier and the number of a row.
    `claim_hits` finds claims: ranked, in another order, or as of an instant (the index says what
    may have matched once, and `ranking` decides on what `fields_as_of` reads). `statement_hits`
    finds statements. `snippets` shows why: excerpts with marks. `facets` counts what is found.

Similar claims (`similar/`)
    `candidates` asks the index for forty claims that share the rarest words of a text.
    `assertion_parser` reads each text: names, figures, days, denial, who does what to whom;
    `thesaurus` has the words it knows. `similarity` compares two texts, gives a score, and says in
    words what they share and in what they differ. `similar_claims` puts these together.

To change how a word is read or stemmed, change `index/tokenizer` or `index/stemmer` with their
cases in `tests/search/`, and raise `index_rebuild.VERSION`. To find claims by another field, add it
in `searchable_fields.read_claim`. To change the order of results, begin with `ranking`.
"""
