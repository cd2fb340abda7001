"""Search: what texts are found by (`index`), and what is found (`finding`)."""
