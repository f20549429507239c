"""Search of `keras-kd search`: its flags, its space, its processes, its report.

The search itself is that of `keras_kd.search`.
"""
