"""The exchange's limits kept: weight and orders counted before anything leaves, silences, and rests for what does not answer."""
