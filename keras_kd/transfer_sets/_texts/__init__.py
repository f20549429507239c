"""Texts of tokens: their arrays, the models that read them, and writing."""
