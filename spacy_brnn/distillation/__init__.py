"""Distillation: teachers score unlabelled documents, and one small network learns from them."""
