"""The search for parameters: walk-forward studies, a holdout that the search never sees, and what its result is worth."""
