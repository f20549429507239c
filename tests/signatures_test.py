"""The signatures of public functions, classes and methods have types."""

import importlib
import inspect

from absl.testing import absltest

import keras_kd

# Modules in a public module.
INNER = (
    "report.robustness",
    "transfer_sets.synthetic",
    "transfer_sets.transforms",
)
MODULES = [
    *(n for n in keras_kd.__all__ if inspect.ismodule(getattr(keras_kd, n))),
    *INNER,
]


def names_of(module):
    """Public names of a module, which few list in an `__all__`."""
    return getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if name[0] != "_"
        and getattr(value, "__module__", "") == module.__name__
    ]


def public_objects():
    """Classes and functions that users have a name for."""
    found = [keras_kd.Distiller, keras_kd.MutualDistiller]
    for path in MODULES:
        module = importlib.import_module(f"keras_kd.{path}")
        found += [getattr(module, name) for name in names_of(module)]
    return found


def methods_of(one):
    """The constructor, public methods and properties of a class."""
    for name in dir(one):
        member = inspect.getattr_static(one, name)
        if isinstance(member, property):
            member = member.fget
        if name[0] != "_" or name in ("__init__", "__call__"):
            yield getattr(member, "__func__", member)


def public_functions():
    """Functions and methods that are ours, each once."""
    found = {}
    for one in public_objects():
        members = methods_of(one) if inspect.isclass(one) else [one]
        for function in members:
            if inspect.isfunction(function) and function.__module__.startswith(
                "keras_kd"
            ):
                found[f"{function.__module__}.{function.__qualname__}"] = (
                    function
                )
    return found


def missing(function):
    """Parameters without a type, and `"return"`."""
    signature = inspect.signature(function)
    names = [
        name
        for name, parameter in signature.parameters.items()
        if parameter.annotation is parameter.empty
        and name not in ("self", "cls")
    ]
    has_return = signature.return_annotation is not signature.empty
    if not has_return and function.__name__ != "__init__":
        names.append("return")
    return names


class SignaturesTest(absltest.TestCase):
    def test_all_have_types(self):
        functions = public_functions()
        self.assertIn("keras_kd.distiller.Distiller.__init__", functions)
        found = {name: missing(one) for name, one in functions.items()}
        self.assertEmpty(
            {name: which for name, which in found.items() if which}
        )


if __name__ == "__main__":
    absltest.main()
