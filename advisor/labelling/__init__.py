"""Asks a person for the labels that would help most: which rows, in which order, until when, and where the answers go."""
