import argparse


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--r", type=int, default=64)
    return parser.parse_args()
