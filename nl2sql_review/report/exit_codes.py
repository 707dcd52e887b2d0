"""Exit codes, a public interface. A module of their own, since a cached answer must load next to nothing."""

NOTHING, FINDINGS, FAULT, NOT_REVIEWED, INTERRUPTED = 0, 1, 2, 3, 130
