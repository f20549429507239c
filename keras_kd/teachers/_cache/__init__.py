"""Parts of the cache of a teacher's outputs. See `teachers.cached`."""
