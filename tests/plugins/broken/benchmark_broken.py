"""A third party's package in which nothing works."""

raise RuntimeError("its licence file is not there")
