"""A model at work: scored on new rows, tried by a person, served."""
