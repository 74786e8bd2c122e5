"""What `benchmarks/train_step.py` measures, and with what."""
