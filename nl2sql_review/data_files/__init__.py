"""Data files as a training script names them: which files a path means, their columns, and their rows in batches.

JSON, JSONL and CSV are read with Python's own modules, which take a row as it is, of whatever types; Parquet and Arrow
with pyarrow: `pip install pyarrow`. What cannot be read is named with its row, and the rest is read.
"""
