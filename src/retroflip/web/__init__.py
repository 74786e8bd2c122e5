"""The viewer: a local page over runs, answers, benchmarks and synthetic videos (`retroflip view`)."""
