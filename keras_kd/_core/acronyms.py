"""Names that the field has for what has a name in words here."""

from typing import NamedTuple


class Acronym(NamedTuple):
    """Meaning of an acronym.

    Attributes:
        name: Name in `keras_kd`, with the arguments that it takes for this.
        paper: Author, year and address of the paper.
        method: Its name for `--method`, or `None` if it has none.
    """

    name: str
    paper: str
    method: str | None = None

    @property
    def class_name(self):
        """The last part of the name, without arguments."""
        return self.name.split("(")[0].split(".")[-1]


ACRONYMS = {
    "KD": Acronym(
        "losses.SoftTargets",
        "Hinton et al. 2015, https://arxiv.org/abs/1503.02531",
        "soft_targets",
    ),
    "AT": Acronym(
        "losses.AttentionTransfer",
        "Zagoruyko and Komodakis 2017, https://arxiv.org/abs/1612.03928",
        "attention_transfer",
    ),
    "LS": Acronym(
        "losses.SoftTargets(standardize_logits=True)",
        "Sun et al. 2024, https://arxiv.org/abs/2403.01427",
        "ls",
    ),
    "DKD": Acronym(
        "losses.DecoupledSoftTargets",
        "Zhao et al. 2022, https://arxiv.org/abs/2203.08679",
        "dkd",
    ),
    "NKD": Acronym(
        "losses.NormalizedSoftTargets",
        "Yang et al. 2023, https://arxiv.org/abs/2303.13005",
        "nkd",
    ),
    "DIST": Acronym(
        "losses.SoftTargetCorrelation",
        "Huang et al. 2022, https://arxiv.org/abs/2205.10536",
        "dist",
    ),
    "RKL": Acronym(
        "losses.ReverseSoftTargets",
        "Gu et al. 2024, https://arxiv.org/abs/2306.08543",
        "rkl",
    ),
    "JSD": Acronym(
        "losses.JensenShannonDivergence",
        "Agarwal et al. 2024, https://arxiv.org/abs/2306.13649",
        "jsd",
    ),
    "SKL": Acronym(
        "losses.SkewedSoftTargets",
        "Ko et al. 2024, https://arxiv.org/abs/2402.03898",
        "skl",
    ),
    "ULD": Acronym(
        "losses.SortedProbabilities",
        "Boizard et al. 2024, https://arxiv.org/abs/2402.12030",
    ),
    "TAID": Acronym(
        "losses.InterpolatedSoftTargets",
        "Shing et al. 2025, https://arxiv.org/abs/2501.16937",
        "taid",
    ),
    "RKD": Acronym(
        "losses.RelationalDistance",
        "Park et al. 2019, https://arxiv.org/abs/1904.05068",
        "rkd",
    ),
    "SP": Acronym(
        "losses.PairwiseSimilarity",
        "Tung and Mori 2019, https://arxiv.org/abs/1907.09682",
        "sp",
    ),
    "PKT": Acronym(
        "losses.ProbabilisticKnowledgeTransfer",
        "Passalis and Tefas 2018, https://arxiv.org/abs/1803.10837",
        "pkt",
    ),
    "CRD": Acronym(
        "losses.ContrastiveRepresentation",
        "Tian et al. 2020, https://arxiv.org/abs/1910.10699",
        "crd",
    ),
    "RRD": Acronym(
        "losses.ContrastiveQueue",
        "Giakoumoglou and Stathaki 2024, https://arxiv.org/abs/2407.12073",
        "rrd",
    ),
    "NST": Acronym(
        "losses.NeuronSelectivityTransfer",
        "Huang and Wang 2017, https://arxiv.org/abs/1707.01219",
        "nst",
    ),
    "VID": Acronym(
        "losses.VariationalInformation",
        "Ahn et al. 2019, https://arxiv.org/abs/1904.05835",
        "vid",
    ),
    "CWD": Acronym(
        "losses.ChannelDistributions",
        "Shu et al. 2021, https://arxiv.org/abs/2011.13256",
        "cwd",
    ),
    "PKD": Acronym(
        "losses.FeatureCorrelation",
        "Cao et al. 2022, https://arxiv.org/abs/2207.02039",
        "pkd",
    ),
    "VKD": Acronym(
        "losses.OrthogonalProjection",
        "Miles et al. 2024, https://arxiv.org/abs/2403.06213",
        "vkd",
    ),
    "WKD-F": Acronym(
        "losses.GaussianWasserstein",
        "Lv et al. 2024, https://arxiv.org/abs/2412.08139",
        "wkd_f",
    ),
    "MGD": Acronym(
        "losses.MaskedGeneration",
        "Yang et al. 2022, https://arxiv.org/abs/2205.01529",
        "mgd",
    ),
    "REVIEWKD": Acronym(
        "losses.KnowledgeReview",
        "Chen et al. 2021, https://arxiv.org/abs/2104.09044",
        "reviewkd",
    ),
    "SIMKD": Acronym(
        "procedures.reuse_classifier",
        "Chen et al. 2022, https://arxiv.org/abs/2203.14001",
        "simkd",
    ),
}


def missing(module, name):
    """The error on a name that a module does not have.

    Args:
        module: Such as `"keras_kd.losses"`.
        name: What was asked for.

    Returns:
        An `AttributeError`, which names what an acronym stands for.
    """
    known = ACRONYMS.get(name.upper())
    if known is None:
        return AttributeError(f"module {module!r} has no attribute {name!r}")
    return AttributeError(
        f"`{name}` must be written out, since names are words here. Received: "
        f"{module}.{name}. Use `keras_kd.{known.name}`."
    )
