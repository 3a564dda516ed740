"""What bench.py is made of: workloads, contenders, the processes they run in, tables and plots."""
