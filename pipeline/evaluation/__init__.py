"""Scores, intervals and comparisons on rows that no choice has seen."""
