"""One module for each kind of output; `pipeline.task.TASKS` lists them."""
