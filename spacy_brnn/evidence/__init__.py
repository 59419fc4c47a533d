"""Why a text got its sentiment: what its tokens, clauses and sentences add to the score."""
