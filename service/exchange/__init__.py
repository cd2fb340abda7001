"""Export and import: whole desks, claims from elsewhere, and seed files (docs/exchange.md).

A desk to a file
    export            writes a whole desk as JSON Lines, or its claims as a spreadsheet
    export_format     the lines of that format: header, kinds of records, trailer
    claim_sheet       the rows and cells of the spreadsheet

That file into a desk.  The whole file is checked first, then written batch by batch.
    export_files      reads the file line by line; checks counts, order and digest
    export_lines      checks one line by itself: its fields, its events and their hashes
    export_check      compares the file with the desk, and decides what is refused
    export_loading    writes what passed
    imported_events   appends events as another desk recorded them
    rename_resumption goes on with renames that were under way at the export
    scratch           what a check or an import must remember, in a temporary database

Claims from elsewhere.  A mapping file says what the fields and labels of the data mean.  One of
three readers gives each claim as an `import_fields.ClaimRow`, or refuses it with a reason.
    import_mapping    the mapping file
    import_csv        reader of CSV files                  (import_lines: decodes lines)
    import_lists      reader of lists in JSON              (import_documents: finds the JSON)
    import_reviews    reader of schema.org's ClaimReview   (import_graph: finds the reviews,
                      import_properties: reads their properties, import_claimants: who claims)
    import_rows       what CSV files and lists have in common
    import_fields     cleans and bounds one field          (import_dates, import_labels)
    import_directory  finds the parties, speakers and stories that rows name
    import_recording  records the rows as claims

A first desk
    seeds             loads a seed file
    seed_files        the shape of a seed file             (toml_files: as of a mapping file)
"""
