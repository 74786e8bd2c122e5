"""SynRL's ablations on the embedded model: cold start, more data, a second round, and one kind of primitive alone."""
