"""Trainings of `keras-kd distill`, and their reports."""
