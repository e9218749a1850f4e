"""Mends what is wrong with data: a new file, and a record of every row that was changed or dropped."""
