"""Reads what `basedpyright --verifytypes --outputjson` says of the package.

Prints each public function and method that lacks a type, and exits with 1 if
there is one. Not counted are types that come from Keras, which has none.
"""

import json
import re
import sys

LACKS = re.compile("annotation .*missing|has unknown type")


def lacking(symbols):
    """Lines about symbols without a type.

    Args:
        symbols: Those of the report that users can import.
    """
    modules = {s["name"] for s in symbols if s["category"] == "module"}
    classes = {
        s["name"].rpartition(".")[2]
        for s in symbols
        if s["category"] in ("class", "symbol")
        and s["name"].rpartition(".")[0] in modules
    }
    for symbol in symbols:
        owner, _, _ = symbol["name"].rpartition(".")
        is_public = owner in modules or owner.rpartition(".")[2] in classes
        if is_public and symbol["category"] in ("function", "method"):
            for message in (d["message"] for d in symbol["diagnostics"]):
                if LACKS.search(message):
                    yield f"{symbol['name']}: {message}"


def main():
    """Reads the report from the standard input."""
    report = json.load(sys.stdin)["typeCompleteness"]
    symbols = [s for s in report["symbols"] if s["isExported"]]
    if not symbols:
        sys.exit("basedpyright must find the package. Received: no names.")
    found = list(lacking(symbols))
    print("\n".join(found) or f"{len(symbols)} names, none lacks a type.")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
