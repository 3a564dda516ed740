"""Parts of bench.py: workloads, contenders, their processes, comparisons, tables and plots."""
