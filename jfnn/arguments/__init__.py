"""Checks of arguments before anything is compiled: values, signatures, paths and memory."""
