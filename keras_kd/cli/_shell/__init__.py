"""The command line around every command: flags, start, progress, errors."""
