"""Fine-tuning. The only door to `transformers.Trainer`."""
