"""Wrong uses of transfer sets and data sets."""

import functools
import math

import numpy as np

from keras_kd import datasets
from keras_kd import transfer_sets
from keras_kd.transfer_sets import synthetic
from keras_kd.transfer_sets import transforms
from tests import support
from tests.conformance import count_calls as calls
from tests.conformance.misuse_rows import Row
from tests.conformance.misuse_rows import flags
from tests.conformance.misuse_rows import parts
from tests.conformance.misuse_rows import soft
from tests.conformance.misuse_rows import student
from tests.conformance.misuse_rows import teacher
from tests.conformance.misuse_rows import unbuilt
from tests.conformance.misuse_rows import wrong


def _of_tables():
    x = support.data(8)[0]
    hole = np.where(np.arange(4) == 2, np.nan, x)
    rows = []
    for name in ("munge", "naive_bayes", "random"):
        of = f"transfer_sets.synthetic.{name}"
        verbose = {} if name == "random" else {"verbose": 0}
        call = functools.partial(
            getattr(synthetic, name), x=x, num_examples=2, **verbose
        )
        rows += wrong(of, call, "x", None, "ab", x[0], x[:0], shown="shape")
        rows += wrong(of, call, "x", x[:, :, None], shown="(8, 4, 1)")
        rows += wrong(of, call, "x", hole, shown="column 2", remedy=x)
        if name == "random":
            continue
        given = None, 0, "01", {"a": 1}, [4], [-1], [0.5], [True]
        rows += wrong(of, call, "nominal", *given, remedy=[0, 2])
    munge = functools.partial(synthetic.munge, x, 2, verbose=0)
    of = "transfer_sets.synthetic.munge"
    rows += parts(of, munge, "probability")
    rows += wrong(of, munge, "local_variance", 0, "1", None, remedy=1.0)
    bayes = functools.partial(synthetic.naive_bayes, x, 2, verbose=0)
    of = "transfer_sets.synthetic.naive_bayes"
    rows += wrong(of, bayes, "components", 9, remedy=2)
    return rows


def _of_transforms():
    of = "transfer_sets.transforms."
    chain = transforms.Chain
    flip = transforms.Flip
    given = 3, None, "ab"
    one = [transforms.Identity()]
    rows = wrong(f"{of}Chain", chain, "transforms", *given, remedy=one)
    given = [np.fliplr], [transforms.Flip]
    rows += wrong(f"{of}Chain", chain, "transforms", *given, shown="")
    rows += wrong(f"{of}Flip", flip, "swap", 1, "ab", None, remedy=[(0, 1)])
    rows += wrong(f"{of}Flip", flip, "swap", (0, 1), shown="=0")
    rows += wrong(f"{of}Flip", flip, "swap", [(0, 1, 2)], shown="(0, 1, 2)")
    rows += wrong(f"{of}Flip", flip, "swap", [(0, -1)], shown="-1")
    given = 0, -1, "2", None, math.nan, math.inf
    images = np.zeros((1, 2, 2, 3))
    for transform in (flip(), transforms.Shift(1, 0), transforms.Scale(2)):
        name = type(transform).__name__
        one = functools.partial(wrong, f"{of}{name}", transform.apply)
        rows += one("images", images[0], 1.0, shown="shape", remedy=images)
    swapped = flip([(0, 5)])
    rows.append(
        Row(
            f"{of}Flip",
            "a place that is not there",
            functools.partial(swapped.invert, images),
            "swap",
            "swap=[(0, 5)] for 3",
        )
    )
    rows += wrong(f"{of}Scale", transforms.Scale, "factor", *given, remedy=2)
    for argument, other in (("down", "right"), ("right", "down")):
        shift = functools.partial(transforms.Shift, **{other: 0})
        given = 0.5, "1", None, True
        rows += wrong(f"{of}Shift", shift, argument, *given, remedy=-1)
    return rows


def _of_contents():
    rows = []
    for name in ("TopLayer", "AllLayers"):
        make = getattr(transfer_sets, name)
        of = f"transfer_sets.{name}"
        rows += wrong(of, make, "temperature", 0, "8", None, remedy=8.0)
    of, make = "transfer_sets.AllLayers", transfer_sets.AllLayers
    given = "hidden", 3, {"hidden": 1}
    rows += wrong(of, make, "layers", *given, remedy=("hidden",))
    rows += wrong(of, make, "layers", [teacher().layers[0]], shown="<Dense")
    for name in ("SpectralAllLayers", "SpectralLayerPairs"):
        make = getattr(transfer_sets, name)
        rows += parts(f"transfer_sets.{name}", make, "kept", 0, remedy=1.0)
    return rows


def _of_records():
    x, y = support.data(60)
    record = functools.partial(
        transfer_sets.activation_records, teacher=teacher(), data=(x, y)
    )
    of = "transfer_sets.activation_records"
    rows = wrong(of, record, "teacher", None, "a.keras")
    rows += wrong(of, record, "teacher", soft(), shown='"soft"')
    rows += wrong(of, record, "teacher", unbuilt(), shown="built=False")
    rows += wrong(of, record, "data", None, x, "ab", shown="")
    others = (x, y[:5]), (x, y + 9), (x[:, :3], y), (x, y + 0.5), (x[:3], y[:3])
    for place, data in enumerate(others):
        rows.append(
            Row(
                of,
                f"data that do not fit, {place}",
                functools.partial(record, data=data),
                "data",
                "",
            )
        )
    content = transfer_sets.TopLayer
    rows += wrong(of, record, "content", "top", content, remedy=content())
    unknown = transfer_sets.AllLayers(layers=["hiden"])
    rows.append(
        Row(
            of,
            "a layer that is not there",
            functools.partial(record, content=unknown),
            "layers",
            "'hiden'. The nearest are: hidden",
        )
    )
    sample = functools.partial(calls.records().sample, count=2)
    of = "transfer_sets.ActivationRecords"
    rows += wrong(of, sample, "label", 3, -1, "1", None, 0.5, True, remedy=1)
    load = functools.partial(transfer_sets.load_records, "none.npz")
    rows += wrong("transfer_sets.load_records", load, "teacher", None, "a")
    return rows


def _of_reconstruct():
    of = "transfer_sets.reconstruct"
    call = calls.reconstruct
    rows = wrong(of, call, "records", None, {}, "a.npz", shown="of type ")
    rows += wrong(of, call, "teacher", None, "a.keras")
    rows += wrong(of, call, "teacher", student(), shown='"small"')
    for argument in ("learning_rate", "pixel_stddev"):
        rows += wrong(of, call, argument, 0, "1", None, math.nan)
    rows += wrong(of, call, "pixel_mean", "0", None, math.nan, [0.1])
    rows += parts(of, call, "dropout", 1, remedy=0.0)
    rows += flags(of, call, "rectified")
    return rows


def _of_datasets():
    load = datasets.load
    of = "datasets.load"
    rows = wrong(of, load, "name_or_folder", None, 3, "", remedy="digits")
    digits = functools.partial(load, "digits")
    rows += wrong(of, digits, "image_size", (8, 8))
    rows += wrong(of, digits, "test_fraction", 0.5)
    small = datasets.digits()
    fraction, split = small.training_fraction, small.validation_split
    of = "datasets.ImageSet"
    rows += parts(f"{of}.training_fraction", fraction, "fraction", 0, remedy=1)
    rows += parts(f"{of}.validation_split", split, "fraction", 0, 1)
    for name in ("from_folder", "from_tfds"):
        call = functools.partial(getattr(datasets, name), "nowhere")
        sizes = 8, (8,), (0, 8), (8.0, 8), "8x8"
        rows += wrong(f"datasets.{name}", call, "image_size", *sizes)
    return rows


def rows():
    """All of them."""
    return [
        *_of_tables(),
        *_of_transforms(),
        *_of_contents(),
        *_of_records(),
        *_of_reconstruct(),
        *_of_datasets(),
    ]
