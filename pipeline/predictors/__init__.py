"""Cheap ways and the fine-tuned model: each fits on rows and answers others."""
