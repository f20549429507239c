"""State of a run of several stages, to resume it after a kill."""
