"""Every view of the page, and the states it can be in. A new view is added here, and all tests look at it."""

from __future__ import annotations

from tests.lib.page_company import TODAY

VIEWS = {
    "portfolio": "/",
    "portfolio filtered": "/?tier=Critical",
    "portfolio without a match": "/?q=nobody",
    "account": "/account/acc-00",
    "account saved": "/account/acc-01",
    "account too little known": "/account/acc-14",
    "actions": "/actions",
    "actions that wait": "/actions?state=awaiting_approval",
    "actions rejected": "/actions?state=rejected",
    "actions without a match": "/actions?state=gone",
    "renewals": "/renewals",
    "renewals of a quarter": "/renewals?quarter=2027-Q2",
    "day of a run": f"/day/{TODAY}",
    "kpis": "/kpis",
    "model": "/model",
    "sources": "/sources",
    "reports": "/reports",
}
