"""What is measured before deciding: the data, the machine, the models at hand, the cheap ways, a short real try."""
