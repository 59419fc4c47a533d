"""The package's one compiled module; all else is in pyproject.toml."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "spacy_brnn.nn.mingru_kernel",
            ["spacy_brnn/nn/mingru_kernel.c"],
            # Else GCC takes a step's conditions for branches, and its features one by one.
            extra_compile_args=["-O3", "-fno-trapping-math"],
            py_limited_api=True,
            # Without a compiler the package is installed all the same, and PyTorch does its work.
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp310"}},
)
