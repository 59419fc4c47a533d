"""The models that ship, a folder each: config.cfg, weights.msgpack and card.json."""
