"""Parts of bench.py: workloads, contenders, the processes they run in, comparisons, tables and plots."""
