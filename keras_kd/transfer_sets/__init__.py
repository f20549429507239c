"""Inputs for a student in place of the teacher's training data."""

from keras_kd.transfer_sets import synthetic
from keras_kd.transfer_sets import transforms
from keras_kd.transfer_sets._activations.contents import AllLayers
from keras_kd.transfer_sets._activations.contents import SpectralAllLayers
from keras_kd.transfer_sets._activations.contents import SpectralLayerPairs
from keras_kd.transfer_sets._activations.contents import TopLayer
from keras_kd.transfer_sets._activations.records import ActivationRecords
from keras_kd.transfer_sets._activations.records import load_records
from keras_kd.transfer_sets.activation_records import activation_records
from keras_kd.transfer_sets.reconstruct import Reconstruction
from keras_kd.transfer_sets.reconstruct import reconstruct
from keras_kd.transfer_sets.write_texts import write_texts

__all__ = [
    "ActivationRecords",
    "AllLayers",
    "Reconstruction",
    "SpectralAllLayers",
    "SpectralLayerPairs",
    "TopLayer",
    "activation_records",
    "load_records",
    "reconstruct",
    "synthetic",
    "transforms",
    "write_texts",
]
