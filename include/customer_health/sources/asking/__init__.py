"""The asking half of a source: a vendor file says how to ask, and what it answers lands as raw files.

    vendor file (YAML)  ->  vendor.py         the closed model: a misspelt key is named
                            vendor_file.py    reading, `extends:`, and what a company puts beside it
    credentials         ->  binding.py        ${secret} and {incremental.start_value} filled in
                            sign_in.py        keys, and tokens that are renewed once
    requests            ->  session.py        rate limits, waiting, trying again, faults in words
                            paginators.py     the pages that dlt's own paginators do not know
    pages               ->  extract.py        dlt's REST client asks; rows are held against what is known
                            raw_files.py      jsonl.gz under an fsspec address
    cursors             ->  ledger/cursors.py saved after the files

What the files mean is the mapping language's: the landed files are ordinary mapped files.
"""
