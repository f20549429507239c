"""The parts of a Distiller, from the batch that comes in to the logs."""
