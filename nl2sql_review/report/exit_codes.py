"""The exit codes, a public interface. Apart, as the answer from the cache needs them and loads next to nothing."""

NOTHING, FINDINGS, FAULT, NOT_REVIEWED, INTERRUPTED = 0, 1, 2, 3, 130
