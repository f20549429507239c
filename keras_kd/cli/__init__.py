"""The command line, `keras-kd`.

Modules here import neither Keras nor TensorFlow at their top, directly or
through others, where `keras-kd --help` or `keras-kd methods` needs them.
"""
