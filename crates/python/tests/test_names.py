"""The stubs name what there is: the lists that the library reads names from, as its errors tell them."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

import parapolicy
from conftest import MODEL

STUBS = ast.parse((Path(parapolicy.__file__).parent / "_native.pyi").read_text(encoding="utf-8"))


def known(call):
    """The names that a call with a wrong one is told."""
    with pytest.raises(ValueError, match="; use ") as refused:
        call()
    return set(str(refused.value).split("; use ")[1].split(", "))


def literals(annotation):
    """The texts of an annotation's `Literal`."""
    return {node.value for node in ast.walk(annotation) if isinstance(node, ast.Constant) and node.value is not None}


def keywords(of):
    """The annotations of the keyword arguments of a class."""
    body = next(node.body for node in STUBS.body if isinstance(node, ast.ClassDef) and node.name == of)
    new = next(node for node in body if isinstance(node, ast.FunctionDef) and node.name == "__new__")
    return {argument.arg: argument.annotation for argument in new.args.kwonlyargs}


def sampling():
    """The fields of `_Sampling`: annotation and documentation."""
    body = next(node.body for node in STUBS.body if isinstance(node, ast.ClassDef) and node.name == "_Sampling")
    fields = [(node, after) for node, after in pairwise(body) if isinstance(node, ast.AnnAssign)]
    return {node.target.id: (node.annotation, after.value.value) for node, after in fields}


def test_all_strategies_are_named(policy, observation):
    annotation, _ = sampling()["sampler"]
    assert literals(annotation) == known(lambda: policy.sample(observation, sampler="?")) | {"auto"}


def test_all_solvers_are_named(policy, observation):
    _, documentation = sampling()["solver"]
    assert set(re.findall("``(.*?)``", documentation)) == known(lambda: policy.sample(observation, solver="?"))


@pytest.mark.parametrize("of", ["Policy", "Controller"])
def test_all_providers_are_named(of):
    assert literals(keywords(of)["provider"]) == known(lambda: parapolicy.Policy(MODEL, provider="?"))
