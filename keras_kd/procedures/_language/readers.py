"""A teacher and a student that read and write the same tokens."""

from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_counts
from keras_kd._runs.fit_arguments import check_fits
from keras_kd._training import checks
from keras_kd.transfer_sets._texts.language_models import LanguageModel
from keras_kd.transfer_sets._texts.language_models import check_end
from keras_kd.transfer_sets._texts.tokens import prompts_of
from keras_kd.transfer_sets.write_texts import check_writing_temperature


def check_readers(arguments, *counts):
    """Validates the arguments that both procedures have.

    Args:
        arguments: Those of the procedure, by name. Its `"max_length"` and its
            `"prompts"` are replaced by what was found.
        *counts: Names of those that count, besides `"batch_size"`.

    Returns:
        The `LanguageModel`s of teacher and student, and the prompts as `Texts`.
    """
    check_fits(arguments)
    check_counts("repetitions", **{name: arguments[name] for name in counts})
    check_count("batch_size", arguments["batch_size"], "texts")
    check_count("seed", arguments["seed"], "one sequence of numbers", 0)
    check_writing_temperature(arguments["temperature"])
    pair = arguments["teacher"], arguments["student"]
    readers = [
        LanguageModel(model, role)
        for model, role in zip(pair, ("teacher", "student"), strict=True)
    ]
    checks.check_pair(*pair)
    checks.check_finite_weights(pair[0])
    checks.check_trainable(pair[1])
    teacher, student = (reader.vocabulary for reader in readers)
    if teacher != student:
        raise ValueError(
            "`teacher` must have the student's tokens, since one reads what "
            f"the other writes. Received: {teacher} tokens of the teacher, "
            f"{student} of the student. Take a student with the teacher's "
            "tokeniser."
        )
    length = check_end(readers, arguments["max_length"], arguments["end_token"])
    prompts = prompts_of("prompts", arguments["prompts"], student, length)
    for reader in readers:
        reader.check_causal(length)
    arguments |= {
        "max_length": length,
        "prompts": [prompts.tokens, prompts.lengths],
    }
    return *readers, prompts
