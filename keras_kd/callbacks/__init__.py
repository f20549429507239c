"""Callbacks for the training of a Distiller."""

from keras_kd.callbacks.anneal import Anneal
from keras_kd.callbacks.backup_workers import BackupWorkers
from keras_kd.callbacks.diagnostics import Diagnostics
from keras_kd.callbacks.student_checkpoint import StudentCheckpoint

__all__ = [
    "Anneal",
    "BackupWorkers",
    "Diagnostics",
    "StudentCheckpoint",
]
