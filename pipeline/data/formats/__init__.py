"""One module for each kind of place that rows come from. Each has `records(place, dialect, choice)`."""
