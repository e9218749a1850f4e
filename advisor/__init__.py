"""Asks, measures, scores, decides and reports whether fine-tuning is worth it; trains nothing itself."""

__version__ = "0.1.0"
