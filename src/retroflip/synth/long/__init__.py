"""The six scenarios of long-term video (SynRL, 2.1.2), one file each."""
