"""Training corpora: published sets imported, routed and mixed as one recipe says."""
