"""Which videos ``mmpt extract`` works on: those of folders, or of the plan of an earlier run."""

import argparse

from mmpt.errors import ConfigError
from mmpt.store.claims import Claims
from mmpt.store.paths import PLAN_NAME, PathBuilder, PathPlan, VideoJob

__all__ = ["find_videos", "save_plan"]


def find_videos(options: argparse.Namespace, part: tuple[int, int] | None) -> tuple[PathPlan, list[VideoJob]]:
    """Return the plan, and the videos of a part; from a file only that part is read."""
    if options.plan:
        plan = PathPlan.load(options.plan, options.fdir, part)
        return plan, plan.jobs
    if options.vdir is None:
        raise ConfigError("Give --vdir, the folders of the videos, or --plan, the plan of an earlier run.")
    plan = PathBuilder(options.vdir.split(","), options.fdir).build()
    return plan, plan.part(*part).jobs if part else plan.jobs


def save_plan(plan: PathPlan, options: argparse.Namespace) -> None:
    """Write the plan into the folder of the features, for other processes and later runs."""
    with Claims(options.fdir) as claims:
        plan.save(options.fdir / PLAN_NAME, claims.ticket.temporary)
