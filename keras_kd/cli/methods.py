"""Table of the methods for `--method`."""

from absl import flags

from keras_kd._core.acronyms import ACRONYMS
from keras_kd.cli._bench import method_parts
from keras_kd.cli._bench.method import FLAGS as FLAGS
from keras_kd.cli._bench.method import Method
from keras_kd.cli._bench.methods_on_features import ON_FEATURES
from keras_kd.cli._bench.methods_on_outputs import ON_OUTPUTS
from keras_kd.cli._shell import launch
from keras_kd.cli._shell.errors import DONE

BUCILA = "Buciluă et al. 2006, https://doi.org/10.1145/1150402.1150464"
HINTON = ACRONYMS["KD"].paper
ROMERO = "Romero et al. 2015, https://arxiv.org/abs/1412.6550"
ZAGORUYKO = ACRONYMS["AT"].paper
BA = "Ba and Caruana 2014, https://arxiv.org/abs/1312.6184"
SAU = "Sau and Balasubramanian 2016, https://arxiv.org/abs/1610.09650"
ZHANG = "Zhang et al. 2018, https://arxiv.org/abs/1706.00384"

METHODS = {
    "soft_targets": Method(
        "the teacher's softened probabilities",
        (HINTON,),
        method_parts.soft_targets,
        temperature=8.0,
        student_loss_weight=0.1,
    ),
    **ON_OUTPUTS,
    "probability_regression": Method(
        "squared distance to the teacher's probabilities",
        (BUCILA,),
        method_parts.probability_regression,
        # As in the paper, the labels are not looked at.
        student_loss_weight=0.0,
    ),
    "logit_regression": Method(
        "squared distance to the teacher's logits",
        (BA,),
        method_parts.logit_regression,
        loss_weight=0.1,
    ),
    "hints": Method(
        "a layer half-way through the teacher, in one stage",
        (ROMERO,),
        method_parts.hints,
        loss_weight=10.0,
    ),
    "attention_transfer": Method(
        "where the teacher's layers are active",
        (ZAGORUYKO,),
        method_parts.attention_transfer,
        loss_weight=10.0,
    ),
    **ON_FEATURES,
    "hints_and_soft_targets": Method(
        "both, added, in one stage",
        (ROMERO, HINTON),
        method_parts.hints_and_soft_targets,
        temperature=8.0,
        student_loss_weight=0.1,
    ),
    "attention_and_soft_targets": Method(
        "both, added",
        (ZAGORUYKO, HINTON),
        method_parts.attention_and_soft_targets,
        temperature=8.0,
        student_loss_weight=0.1,
    ),
    "noisy_teacher": Method(
        "logit regression on a teacher with noise, fresh in each step",
        (SAU,),
        method_parts.logit_regression,
        loss_weight=0.1,
        noise_stddev=0.5,
        noise_probability=0.5,
        wrap_teacher=method_parts.noisy,
        no_cache="its noise is new in each step, and a cache stays as it is",
    ),
    "fitnets": Method(
        "hints first, then soft targets, in two stages",
        (ROMERO,),
        method_parts.staged_hint,
        temperature=3.0,
        loss_weight=None,
        student_loss_weight=None,
        make_trainer=method_parts.staged_trainer,
        train=method_parts.train_in_stages,
        min_epochs=2,
        note="The first third of the distilled student's epochs is for hints.",
    ),
    ACRONYMS["SIMKD"].method: Method(
        "the teacher's last features, and its classifier behind them",
        (ACRONYMS["SIMKD"].paper,),
        method_parts.last_features,
        # As in the paper, the labels are not looked at.
        student_loss_weight=0.0,
        rebuild=method_parts.with_classifier,
        make_trainer=method_parts.classifier_trainer,
        note="The distilled student is the larger one: it ends in a projector "
        "and the teacher's classifier.",
    ),
    "mutual_learning": Method(
        "two students teach each other, without a teacher",
        (ZHANG,),
        method_parts.soft_targets,
        temperature=1.0,
        make_trainer=method_parts.peers,
        train=method_parts.train_peers,
        no_cache="its student learns from a second one and from no teacher",
        note="The distilled student learns with a second one like it, and not "
        "from the teacher, which is here for comparison.",
    ),
    "shallow_mimic": Method(
        "logit regression of a student with one wide hidden layer",
        (BA,),
        method_parts.logit_regression,
        student_loss_weight=0.0,
        make_student=method_parts.shallow_student,
        note="All students have one wide hidden layer, behind a linear "
        "bottleneck.",
    ),
    "gradient_transfer": Method(
        "which pixels the teacher's decision hangs on",
        (ZAGORUYKO,),
        method_parts.input_gradients,
        no_cache="it needs the teacher's gradients, and a cache has none",
    ),
}

# What does not fit into a job on one data set with one student. The names are
# those of `keras_kd`.
PYTHON_ONLY = {
    "procedures.teacher_assistants": (
        "a chain of ever smaller teachers (TAKD)",
        "Mirzadeh et al. 2020, https://arxiv.org/abs/1902.03393",
    ),
    "procedures.born_again": (
        "generations of one architecture, and their ensemble (BAN)",
        "Furlanello et al. 2018, https://arxiv.org/abs/1805.04770",
    ),
    "procedures.sequence_distillation": (
        "a language model, on texts that its teacher writes (SeqKD)",
        "Kim and Rush 2016, https://arxiv.org/abs/1606.07947",
    ),
    "procedures.on_policy_distillation": (
        "a language model, corrected in texts that it writes itself (GKD)",
        "Agarwal et al. 2024, https://arxiv.org/abs/2306.13649",
    ),
    "procedures.co_training": (
        "two learners with a view each label for each other",
        "Blum and Mitchell 1998, https://doi.org/10.1145/279943.279962",
    ),
    "procedures.compress": (
        "made-up examples that an ensemble labels",
        BUCILA,
    ),
    "procedures.supervision_transfer": (
        "features for a modality without labels, from unlabelled pairs",
        "Gupta et al. 2016, https://arxiv.org/abs/1507.00448",
    ),
    "procedures.data_free": (
        "inputs rebuilt from small records of the teacher's activations",
        "Lopes et al. 2017, https://arxiv.org/abs/1710.07535",
    ),
    "procedures.data_distillation": (
        "hard labels from several versions of each unlabelled image",
        "Radosavovic et al. 2018, https://arxiv.org/abs/1712.04440",
    ),
    "procedures.defensive_distillation": (
        "refuted as a defence: do not rely on it",
        "Papernot et al. 2016, https://arxiv.org/abs/1511.04508",
    ),
    "models.highway": (
        "a thin, deep student with gates that all layers share",
        "Lu et al. 2017, https://arxiv.org/abs/1610.05812",
    ),
    "procedures.specialists": (
        "specialists for classes that are easily confused",
        HINTON,
    ),
    "procedures.correct_class_bias": (
        "the bias of classes that a student never saw",
        HINTON,
    ),
    "teachers.EnsembleTeacher": ("several models as one teacher", HINTON),
    "teachers.MovingAverageTeacher": (
        "an average of the student's own weights (mean teacher)",
        "Tarvainen and Valpola 2017, https://arxiv.org/abs/1703.01780",
    ),
    "losses.BinarySoftTargets": ("soft targets of sigmoid outputs", HINTON),
    "losses.ChunkedSoftTargets": (
        "soft targets of many classes, a chunk of them at a time",
        HINTON,
    ),
    "losses.BoundedRegression": (
        "numbers: the labels, while the student is worse than the teacher",
        "Chen et al. 2017, https://papers.nips.cc/paper/6676",
    ),
    "losses.BoxSoftTargets": (
        "a detector's class scores and boxes, where the teacher is sure",
        "Rezatofighi et al. 2019, https://arxiv.org/abs/1902.09630",
    ),
    "losses.ScoreWeightedHint": (
        "a detector's features, where the teacher is sure",
        "Romero et al. 2015, https://arxiv.org/abs/1412.6550",
    ),
    "losses.SortedProbabilities": (
        "how sure a model of another vocabulary is (ULD)",
        "Boizard et al. 2024, https://arxiv.org/abs/2402.12030",
    ),
    "losses.SelfAttentionRelations": (
        "which words attention relates (MiniLM v2)",
        "Wang et al. 2021, https://arxiv.org/abs/2012.15828",
    ),
    "losses.InputGradientSymmetry": (
        "the same pixels in mirrored images",
        ZAGORUYKO,
    ),
}


def main(arguments):
    """Runs `keras-kd methods`.

    Args:
        arguments: What follows the name of the command.

    Returns:
        The exit code.
    """
    values = flags.FlagValues()
    if launch.asks_for_help(arguments):
        line = "Lists the methods of distillation, with their papers."
        print(launch.command_help("methods", line, values))
        return DONE
    launch.parse("methods", values, arguments)
    width = max(map(len, METHODS)) + 2
    for name, method in METHODS.items():
        print(f"{name:<{width}}{method.line}")
        for paper in method.papers:
            print(f"{'':<{width}}{paper}")
        print(f"{'':<{width}}{method.defaults}")
    print(
        "\nChoose one with `keras-kd distill --method=NAME`; compare several "
        "with\n--method=NAME,NAME or --method=all."
    )
    print("\nFrom Python only, as keras_kd.NAME:\n")
    width = max(map(len, PYTHON_ONLY)) + 2
    for name, (line, paper) in PYTHON_ONLY.items():
        print(f"{name:<{width}}{line}")
        print(f"{'':<{width}}{paper}")
    return DONE
