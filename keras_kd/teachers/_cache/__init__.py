"""The parts of the cache of what a teacher said. See `teachers.cached`."""
