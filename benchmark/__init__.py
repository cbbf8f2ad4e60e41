"""The suite: everything a run needs that is neither a model nor a metric (DESIGN.md section 3)."""
