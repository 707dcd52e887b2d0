"""Differences between two runs: each side is read into settings, and the settings are compared.

before = sides.read("HEAD~3:train.py", options)
after = sides.read("train.py", options)
compare.compare(before, after)                  # report.plan_diff.PlanDiff
"""
