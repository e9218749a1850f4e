"""Carries out one plan: prepare, fine-tune, evaluate on sealed rows, compare with the forecast.

Knows nothing of questionnaires, factors or rules; `python -m pipeline RUN/plan.json` runs it anywhere.
"""
