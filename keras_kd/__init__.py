"""Knowledge distillation for Keras: teachers in, small students out."""

import gc
import importlib
import sys
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from keras_kd import batch
    from keras_kd import callbacks
    from keras_kd import datasets
    from keras_kd import distribution
    from keras_kd import export
    from keras_kd import losses
    from keras_kd import metrics
    from keras_kd import models
    from keras_kd import procedures
    from keras_kd import projectors
    from keras_kd import report
    from keras_kd import search
    from keras_kd import taps
    from keras_kd import teachers
    from keras_kd import transfer_sets
    from keras_kd.distiller import Distiller
    from keras_kd.mutual_distiller import MutualDistiller

__version__ = "0.2.0"

__all__ = [
    "Distiller",
    "MutualDistiller",
    "batch",
    "callbacks",
    "datasets",
    "distribution",
    "export",
    "losses",
    "metrics",
    "models",
    "procedures",
    "projectors",
    "report",
    "search",
    "taps",
    "teachers",
    "transfer_sets",
]

# Public classes that stand in no public module, and where they are.
_CLASSES = {
    "Distiller": "distiller",
    "MutualDistiller": "mutual_distiller",
}

# Packages of the backends that Keras may be told to use.
_BACKENDS = ("jax", "tensorflow", "torch")

# No class of a saved model is in these: they are imported when asked for.
_LATER = (
    "callbacks",
    "datasets",
    "distribution",
    "export",
    "models",
    "procedures",
    "report",
    "search",
    "transfer_sets",
)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'keras_kd' has no attribute {name!r}")
    if name in _CLASSES:
        module = importlib.import_module(f"keras_kd.{_CLASSES[name]}")
        return getattr(module, name)
    return importlib.import_module(f"keras_kd.{name}")


def __dir__() -> list[str]:
    return __all__


def _import_all():
    """Imports the modules that stand under a name of this package."""
    # All that is made here stays: a collection would find nothing to free.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        importlib.import_module("keras")
        for name in __all__:
            if name not in _LATER:
                globals()[name] = __getattr__(name)
        # The layers that saved models of `models` have.
        importlib.import_module("keras_kd._core.maxout")
    except ModuleNotFoundError as error:
        if error.name not in _BACKENDS or "keras" in sys.modules:
            raise
        raise ModuleNotFoundError(
            "The Keras backend must be installed, since every model runs on "
            f"it. Received: backend={error.name}, and no such package. Install "
            f"{error.name}, or set the environment variable KERAS_BACKEND to "
            "another backend.",
            name=error.name,
        ) from error
    finally:
        if was_enabled:
            gc.enable()


# Keras finds the classes of a saved model by the names that they register when
# they are imported. For the program nothing is, so that it can answer `--help`
# at once.
if "keras_kd_cli" not in sys.modules:
    _import_all()
