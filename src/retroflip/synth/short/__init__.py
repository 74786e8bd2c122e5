"""The twelve kinds of short-term video (SynRL, 2.1.1), one file each."""
