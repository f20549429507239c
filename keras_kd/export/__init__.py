"""Students as files for other runtimes: SavedModel, LiteRT and ONNX.

Each file is made of a copy in inference mode, run by its own runtime, and
compared with the student. Needs `pip install "keras-kd[export]"`.
"""

from keras_kd.export.results import ExportedFile
from keras_kd.export.results import ExportResult
from keras_kd.export.student import export_student

__all__ = ["ExportResult", "ExportedFile", "export_student"]
