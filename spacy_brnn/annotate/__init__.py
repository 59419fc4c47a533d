"""Annotating a corpus of any size, of any of the usual formats, and going on where it broke off.

`console` is what the command calls; `frames.annotate_frame` is for pandas, Dask, Spark and Ray.
"""
