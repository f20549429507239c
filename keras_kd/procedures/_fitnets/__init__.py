"""Parts of `procedures.fitnets`."""
