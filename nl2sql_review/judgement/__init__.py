"""Judgement of training plans by the policy: from plan and policy to verdicts, findings and checklist."""
