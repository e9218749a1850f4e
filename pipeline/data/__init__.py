"""Reading rows, grouping near-duplicates and sealing splits."""
