"""Keras files read as what they are, strangers' files: looked through first, loaded in safe mode after."""

from __future__ import annotations

import json
import re
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from workbench.conversion.rebuild import nodes
from workbench.conversion.request import ConversionError

SAFE_MODULES = re.compile(
    r"(builtins|(tf_|tensorflow\.(python\.)?)?keras(\.src)?"
    r"(\.(engine|layers|models|initializers|activations|regularizers|constraints|optimizers|losses|metrics"
    r"|mixed_precision|dtype_policies)(\.[\w.]+)?)?)"
)
"""Where a file may take classes and functions from; anything else is code that loading would run."""

NEWEST = 2
"""Version of Keras whose files are read, with TensorFlow 2.15; 3 writes other configurations under the same names."""

UNSAFE_OPS = frozenset({"PyFunc", "PyFuncStateless", "EagerPyFunc", "ReadFile", "WriteFile"})
"""Graph operations that reach out of the graph."""


OWN_CODE = re.compile(
    r"(Unknown [a-z ]+: |Cannot deserialize object of type |Could not (?:locate|find) [a-z ]+ )['`\"](?P<name>[^'`\"]+)"
)
"""How Keras says that it lacks a class or function, for it is its author's own."""

OWN_FUNCTION = re.compile(r"'class_name': 'function', 'config': '(?P<name>[^']+)'(?=.*Unknown activation)", re.DOTALL)
"""The same of a function, whose name stands in the configuration of its layer, which Keras tells first."""

LAMBDA = "Improper config format for {'value'"
"""What it says of a lambda that stands where a named function could, as a layer's activation."""


def kind(path: Path) -> str:
    """`keras`, `h5`, `keras_saved_model` (with Keras's own metadata) or `saved_model`.

    Raises ConversionError where the file is none of these or truncated.
    """
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return "keras_saved_model" if (path / KERAS_METADATA).is_file() else "saved_model"
        raise ConversionError(f"{path}: a folder without saved_model.pb is no SavedModel")
    if not path.is_file():
        raise ConversionError(f"{path}: no such model file")
    with path.open("rb") as file:
        magic = file.read(8)
    if magic == b"\x89HDF\r\n\x1a\n":
        return "h5"
    if zipfile.is_zipfile(path):
        return "keras"
    if magic[:2] == b"PK":
        raise ConversionError(f"{path}: truncated .keras file; copy it again")
    raise ConversionError(f"{path}: neither a .keras, an .h5/.hdf5 file nor a SavedModel")


KERAS_METADATA = "keras_metadata.pb"


def configuration(path: Path, form: str) -> dict[str, Any]:
    """Architecture of a `.keras` or `.h5` file as nested JSON, without loading any of it."""
    try:
        if form == "keras":
            with zipfile.ZipFile(path) as archive:
                broken = archive.testzip()
                if broken is not None:
                    raise ConversionError(f"{path}: its {broken} is damaged; copy it again")
                if "metadata.json" in archive.namelist():
                    _check_version(path, json.loads(archive.read("metadata.json")).get("keras_version"))
                text: str | bytes = archive.read("config.json")
        elif form == "keras_saved_model":
            return {"nodes": _metadata(path)}
        else:
            import h5py

            with h5py.File(path, "r") as file:
                if "model_config" not in file.attrs:
                    raise ConversionError(f"{path}: holds weights only; save the whole model with model.save()")
                _check_version(path, file.attrs.get("keras_version"))
                text = file.attrs["model_config"]
        config = json.loads(text)
    except (OSError, KeyError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise ConversionError(f"{path}: truncated or damaged ({_line(error)}); copy it again") from error
    if not isinstance(config, dict):
        raise ConversionError(f"{path}: its architecture is no JSON object")
    return config


def _check_version(path: Path, version: object) -> None:
    """Raise ConversionError for a file of a newer Keras; one that names no version passes."""
    text = version.decode(errors="replace") if isinstance(version, bytes) else str(version)
    major = text.partition(".")[0]
    if major.isdecimal() and int(major) > NEWEST:
        raise ConversionError(
            f"{path}: saved by Keras {text[:20]}, this reads Keras {NEWEST} (TensorFlow 2.15); save it with tf_keras "
            "(TF_USE_LEGACY_KERAS=1), or export a SavedModel with model.export() if it has no recurrent layer"
        )


def _metadata(path: Path) -> list[Any]:
    """What Keras has noted of each object of a SavedModel."""
    from keras.protobuf import saved_metadata_pb2

    saved = saved_metadata_pb2.SavedMetadata()
    try:
        saved.ParseFromString((path / KERAS_METADATA).read_bytes())
    except Exception as error:  # protobuf's own DecodeError, from one of two implementations
        raise ValueError(KERAS_METADATA) from error
    return [json.loads(node.metadata) for node in saved.nodes if node.metadata]


def look_through(path: Path, form: str, *, allow_lambda: bool) -> None:
    """Refuse what would run a stranger's code when loaded: Lambda layers, foreign modules, graph operations."""
    if form in ("saved_model", "keras_saved_model"):
        _look_through_graph(path)
    if form == "saved_model":
        return
    for node in nodes(configuration(path, form)):
        if node.get("class_name") == "Lambda" and not allow_lambda:
            name = node.get("config", {}).get("name", "?")
            raise ConversionError(
                f"{path}: layer {name!r} is a Lambda, code that runs on load; "
                "replace it by a layer, or add --allow-lambda if you trust the file"
            )
        module = node.get("module")
        if isinstance(module, str) and node.get("class_name") and not SAFE_MODULES.fullmatch(module):
            foreign = f"{node['class_name']!r} of module {module!r}"
            raise ConversionError(f"{path}: names {foreign}, which is not Keras's own; build it of Keras layers")


def load(path: Path, form: str, *, allow_lambda: bool) -> Any:
    """The model, not compiled: a Keras model, or the signature of a SavedModel that is none of Keras's."""
    import tensorflow as tf

    if form == "saved_model":
        try:
            loaded = tf.saved_model.load(str(path))
            signature = loaded.signatures["serving_default"]
        except (OSError, ValueError, KeyError) as error:
            cause = f"no SavedModel with the signature serving_default ({_line(error)})"
            raise ConversionError(f"{path}: {cause}; export it again") from error
        signature.loaded_from = loaded  # the signature does not keep the variables alive by itself
        return signature
    if allow_lambda:  # for the whole process: the model is built once more, from its configuration
        tf.keras.__internal__.enable_unsafe_deserialization()
    try:
        return tf.keras.models.load_model(_with_suffix(path, form), compile=False, safe_mode=not allow_lambda)
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, ImportError) as error:
        raise ConversionError(f"{path}: Keras cannot load it: {_cause(error)}") from error


def _cause(error: BaseException) -> str:
    """Why Keras gave up; its own advice on what is not its own is for those who load a file by hand."""
    text = str(error)
    own = OWN_FUNCTION.search(text) or OWN_CODE.search(text)
    if own or LAMBDA in text:
        what = repr(own["name"]) if own else "a lambda"
        return (f"{what} is code that cannot be read from the file, registered or not; build it of Keras's own layers "
                "and activations, or export a SavedModel with model.export() if it has no recurrent layer")  # fmt: skip
    return _line(error)


def _with_suffix(path: Path, form: str) -> str:
    """Keras goes by the name; a file named otherwise is shown to it under a link with the right one."""
    suffixes = {"keras": (".keras",), "h5": (".h5", ".hdf5"), "keras_saved_model": ("",)}[form]
    if path.suffix in suffixes or path.is_dir():
        return str(path)
    link = Path(tempfile.mkdtemp(prefix="emoedge-")) / f"model{suffixes[0]}"
    link.symlink_to(path.resolve())
    return str(link)


def _look_through_graph(path: Path) -> None:
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    try:
        saved.ParseFromString((path / "saved_model.pb").read_bytes())
    except Exception as error:  # protobuf's own DecodeError, from one of two implementations
        raise ConversionError(f"{path}: saved_model.pb is truncated or damaged; copy it again") from error
    for meta in saved.meta_graphs:
        nodes = [*meta.graph_def.node, *(n for f in meta.graph_def.library.function for n in f.node_def)]
        for node in nodes:
            if node.op in UNSAFE_OPS:
                raise ConversionError(f"{path}: its graph reaches out of the model by {node.op}; export it without")


def _line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__
