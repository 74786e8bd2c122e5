"""A benchmark that was built here, as other toolkits read one. It does not need retroflip where it is run."""
