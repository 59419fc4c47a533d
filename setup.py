"""The package's one compiled module; all else is in pyproject.toml."""

import sysconfig

from setuptools import Extension, setup

# Python without its lock has no stable interface: the module is then for one version.
IS_STABLE = not sysconfig.get_config_var("Py_GIL_DISABLED")

setup(
    ext_modules=[
        Extension(
            "spacy_brnn.nn.mingru_kernel",
            ["spacy_brnn/nn/mingru_kernel.c"],
            # Else GCC takes a step's conditions for branches, and its features one by one.
            extra_compile_args=["-O3", "-fno-trapping-math"],
            define_macros=[("Py_LIMITED_API", "0x030A0000")] if IS_STABLE else [],
            py_limited_api=IS_STABLE,
            # Without a compiler the package is installed all the same, and PyTorch does its work.
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp310"}} if IS_STABLE else {},
)
