"""Frame scorers: how much each frame of a video has to do with its question (STRIVE, section 3.3)."""
