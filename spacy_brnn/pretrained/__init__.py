"""The models that ship, a folder each: config.cfg, weights.safetensors and card.json."""
