"""What to ask for: the configuration, worked out into jobs. Pure.

A plan is a value: the same configuration gives the same jobs, in the same order, with the same ids, on any machine and
on any night. Nothing here reads a clock, a disk or the network.

Decided: a job's id is a hash of *what is asked* (whom, which dataset, since when, whom to match), because a resumed
run and a history over many nights must recognise the same question; considered a counter and a random id, which only
name an occasion. The id covers the match values without showing them.
"""

from extractor.plan.forecast import Forecast, forecast
from extractor.plan.job import Dataset, JobSpec, Match
from extractor.plan.planner import Plan, make_plan, problems, select

__all__ = ["Dataset", "Forecast", "JobSpec", "Match", "Plan", "forecast", "make_plan", "problems", "select"]
