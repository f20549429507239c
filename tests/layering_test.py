"""Reads the sources: who imports whom, and how long files and bodies are."""

import ast
import pathlib

from absl.testing import absltest

ROOT = pathlib.Path(__file__).parents[1]

# From the bottom up: a module imports from its own layer or from one below.
# `__init__` stands for names taken from `keras_kd` itself.
LAYERS = (
    {"_types", "backend", "batch", "distribution", "taps"},
    {"_core"},
    {"datasets", "losses", "metrics", "models", "projectors"},
    {"callbacks", "teachers", "transfer_sets"},
    {"_training"},
    {"distiller", "mutual_distiller"},
    {"_runs"},
    {"procedures"},
    {"export", "report", "search"},
    {"__init__"},
    {"__main__", "cli"},
)
BACKEND_MAY_IMPORT = {"backend"}

MAY_IMPORT_TENSORFLOW = (
    "backend/",
    "datasets/",
    "distribution.py",
    "export/_convert.py",
    "export/_runtimes.py",
    "teachers/_cache/",
    "teachers/cached.py",
)
MAY_DEFINE_FLAGS = ("__main__.py", "cli/")
IMPORTED_WHERE_USED = (
    *("ai_edge_litert", "onnx", "onnxruntime", "tf2onnx"),
    *("keras_tuner", "markdown", "matplotlib", "sklearn"),
    "tensorflow_datasets",
)
# Nobody imports these folders who does not want the package.
USED_THROUGHOUT = {"keras_tuner": "keras_kd/search/"}
PRIVATE = ("keras.src", "tensorflow.python")

# Where private attributes of others may be read, each with its reason there.
MAY_READ_PRIVATE = ("keras_kd/backend/", "keras_kd/search/oracles.py")
EXITS = ("_exit",)  # Of `os`, whose name has the underscore for another reason.

MAX_FILE_LINES = 300
MAX_BODY_LINES = 60


def parse(*folders):
    """Syntax trees of all Python files, by path relative to the repository."""
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(), path)
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


PACKAGE = parse("keras_kd")
EVERYTHING = PACKAGE | parse("tests", "benchmarks", "tutorials")


def imported_names(node):
    """Full dotted names that an import statement asks for."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def imports(tree):
    return [name for node in ast.walk(tree) for name in imported_names(node)]


def is_for_type_checkers(node):
    return (
        isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )


def imports_on_import(node):
    """Names that are imported as soon as the module itself is."""
    names = imported_names(node)
    for child in ast.iter_child_nodes(node):
        runs_later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        if not runs_later and not is_for_type_checkers(child):
            names += imports_on_import(child)
    return names


def is_within(name, module):
    return name == module or name.startswith(module + ".")


def module_of(path):
    """`keras_kd/losses/hint.py` and `keras_kd/losses.py` give `losses`."""
    return path.split("/")[1].removesuffix(".py")


def module_named(name):
    """`keras_kd.losses.hint` gives `losses`, `keras_kd.Name` `__init__`."""
    module = (name.split(".") + [""])[1]
    return module if module in MODULES else "__init__"


MODULES = {module_of(path) for path in PACKAGE}


def allowed(module):
    """Modules of ours that a module may import."""
    if module == "backend":
        return BACKEND_MAY_IMPORT
    height = next(i for i, layer in enumerate(LAYERS) if module in layer)
    return set().union(*LAYERS[: height + 1])


def own_names(trees):
    """Names that our modules give: functions, classes, variables, attributes.

    Args:
        trees: Syntax trees by path.
    """
    names = set()
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(
                node.ctx, ast.Store
            ):
                is_own = ast.unparse(node.value) in ("self", "cls")
                names |= {node.attr} if is_own else set()
    return names


def private_reads(tree):
    """Private attributes that a module reads, also by `getattr` and `get`."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found.append(node.attr)
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func).split(".")[-1]
            if called in ("getattr", "hasattr", "setattr", "get"):
                found += [
                    str(argument.value)
                    for argument in node.args
                    if isinstance(argument, ast.Constant)
                ]
    return [n for n in found if n.startswith("_") and not n.endswith("__")]


def body_lines(function):
    has_docstring = ast.get_docstring(function) is not None
    body = function.body[1:] if has_docstring else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


class LayeringTest(absltest.TestCase):
    def assert_nothing_matches(self, trees, find, matches, rule):
        found = [
            f"{path}: {name}"
            for path, tree in trees.items()
            for name in find(tree)
            if matches(path, name)
        ]
        self.assertEmpty(found, rule)

    def test_every_module_has_a_layer(self):
        self.assertIn("__init__", MODULES)
        unplaced = MODULES - set().union(*LAYERS)
        self.assertEmpty(
            unplaced, "New modules: place each in LAYERS of layering_test.py."
        )

    def test_imports_are_absolute(self):
        relative = [
            f"{path}:{node.lineno}"
            for path, tree in EVERYTHING.items()
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.level
        ]
        self.assertEmpty(relative, "Write the full name of the module.")

    def test_dependencies_point_one_way(self):
        placed = {
            path: tree
            for path, tree in PACKAGE.items()
            if any(module_of(path) in layer for layer in LAYERS)
        }
        self.assert_nothing_matches(
            placed,
            imports,
            lambda path, name: (
                is_within(name, "keras_kd")
                and module_named(name) not in allowed(module_of(path))
            ),
            "A module imports from its own layer or from one below: LAYERS.",
        )

    def test_tensorflow_is_imported_in_few_places(self):
        self.assert_nothing_matches(
            PACKAGE,
            imports,
            lambda path, name: (
                is_within(name, "tensorflow")
                and not path[len("keras_kd/") :].startswith(
                    MAY_IMPORT_TENSORFLOW
                )
            ),
            f"Only these import TensorFlow: {MAY_IMPORT_TENSORFLOW}.",
        )

    def test_only_the_command_line_defines_flags(self):
        self.assert_nothing_matches(
            PACKAGE,
            imports,
            lambda path, name: (
                (is_within(name, "absl.flags") or is_within(name, "absl.app"))
                and not path[len("keras_kd/") :].startswith(MAY_DEFINE_FLAGS)
            ),
            "Flags are global to the process: a library must define none.",
        )

    def test_heavy_packages_are_imported_where_they_are_used(self):
        self.assert_nothing_matches(
            PACKAGE,
            imports_on_import,
            lambda path, name: (
                name.split(".")[0] in IMPORTED_WHERE_USED
                and not path.startswith(USED_THROUGHOUT.get(name, ()))
            ),
            "Import it inside the function that uses it.",
        )

    def test_nothing_private_is_imported(self):
        self.assert_nothing_matches(
            EVERYTHING,
            imports,
            lambda path, name: any(is_within(name, p) for p in PRIVATE),
            "Private names of Keras and TensorFlow change without notice.",
        )

    def test_private_attributes_of_others_are_read_in_few_places(self):
        known = own_names(PACKAGE) | set(EXITS)
        self.assert_nothing_matches(
            PACKAGE,
            private_reads,
            lambda path, name: (
                name not in known and not path.startswith(MAY_READ_PRIVATE)
            ),
            "Write a function in `backend`, with the reason and the version.",
        )

    def test_nothing_private_is_reached_by_attribute(self):
        self.assert_nothing_matches(
            EVERYTHING,
            lambda tree: [
                ast.unparse(node)
                for node in ast.walk(tree)
                if isinstance(node, ast.Attribute)
            ],
            lambda path, name: name in (*PRIVATE, "tf.python"),
            "Private names of Keras and TensorFlow change without notice.",
        )


class SizeTest(absltest.TestCase):
    def test_no_file_is_long(self):
        lengths = {
            path: len((ROOT / path).read_text().splitlines())
            for path in EVERYTHING
        }
        self.assertEmpty(
            {p: n for p, n in lengths.items() if n > MAX_FILE_LINES}
        )

    def test_no_body_is_long(self):
        lengths = {
            f"{path}: {node.name}": body_lines(node)
            for path, tree in EVERYTHING.items()
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        self.assertEmpty(
            {p: n for p, n in lengths.items() if n > MAX_BODY_LINES}
        )


if __name__ == "__main__":
    absltest.main()
