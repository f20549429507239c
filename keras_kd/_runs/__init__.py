"""What a run of several stages needs to go on after a kill."""
