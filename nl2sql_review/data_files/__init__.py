"""Data files as a training script names them: the files of a path, their columns, their rows in batches.

JSON, JSONL and CSV are read with Python's own modules, which accept a row as it is, with values of any type.
Parquet and Arrow are read with pyarrow: `pip install pyarrow`. What cannot be read is reported with its row,
and the rest is read.
"""
