"""Private helpers that every other room may import.

Arguments and names are validated here, models are run and tapped, ensembles of
logits are averaged, values are reduced over replicas, files are written whole,
and models, data and runs are identified.
"""
