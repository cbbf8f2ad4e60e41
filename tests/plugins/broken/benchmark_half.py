"""Classes that do not keep the contract."""

from benchmark.system import System


class NoSystem:
    pass


class NoInputs(System):
    Settings = dict
    tasks = frozenset({"image_guided_translation"})
    inputs = {}
    output = {}
