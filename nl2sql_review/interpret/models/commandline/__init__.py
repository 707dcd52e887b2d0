"""Command lines: argparse, click, parsers made from classes and functions, the process."""
