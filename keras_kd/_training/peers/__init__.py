"""The parts of a `MutualDistiller`: what peers say, learn and report."""
