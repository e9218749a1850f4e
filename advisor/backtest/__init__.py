"""The advisor against an oracle that tried every arm, over a suite of data sets."""
