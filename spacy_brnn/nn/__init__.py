"""Recurrent layers in PyTorch, and one module in C: nothing here knows spaCy or Thinc.

Sequences of different lengths travel *packed flat*: a batch of B sequences with N tokens
in all is one (N, width) tensor, sequence after sequence, beside a (B,) tensor of lengths.
"""
