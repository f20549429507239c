"""What a student is shown, where it is not the teacher's training data."""

from keras_kd.transfer_sets import synthetic
from keras_kd.transfer_sets.activation_records import activation_records
from keras_kd.transfer_sets.contents import AllLayers
from keras_kd.transfer_sets.contents import SpectralAllLayers
from keras_kd.transfer_sets.contents import SpectralLayerPairs
from keras_kd.transfer_sets.contents import TopLayer
from keras_kd.transfer_sets.reconstruct import Reconstruction
from keras_kd.transfer_sets.reconstruct import reconstruct
from keras_kd.transfer_sets.records import ActivationRecords
from keras_kd.transfer_sets.records import load_records

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
]
