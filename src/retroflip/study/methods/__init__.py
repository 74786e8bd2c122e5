"""Every method and its ablations on the tiny laboratory, beside the tables and figures of CRPO, STRIVE and ST-GRPO."""
