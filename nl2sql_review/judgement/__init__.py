"""Plan and policy → verdicts, findings, checklist."""
