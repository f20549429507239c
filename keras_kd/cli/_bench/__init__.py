"""The trainings that `keras-kd distill` compares, and their reports."""
