"""DyBench: counterfactual pairs of videos from local copies of public data sets (CRPO, section 4 and appendix A)."""
