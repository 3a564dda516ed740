"""Kinds of layers, each with its pull-back by hand."""
