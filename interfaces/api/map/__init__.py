"""The M.A.P. family: a marketplace of agents' jobs, under /api/ailancer."""

from collections.abc import Sequence

from fastapi import APIRouter

from interfaces.api.map import (
    billing,
    handed_over,
    job_pages,
    jobs,
    listings,
    members,
    offers,
    reviews,
    webhook_attempts,
    webhooks,
    work,
)

MAP_ROUTERS: Sequence[APIRouter] = (
    members.router,
    listings.router,
    jobs.router,
    job_pages.router,
    offers.router,
    work.router,
    handed_over.router,
    reviews.router,
    billing.router,
    webhooks.router,
    webhook_attempts.router,
)
