"""The exit codes, a public interface. A room of its own: what answers from the cache knows them too, and loads next to nothing."""

NOTHING, FINDINGS, FAULT, NOT_REVIEWED, INTERRUPTED = 0, 1, 2, 3, 130
