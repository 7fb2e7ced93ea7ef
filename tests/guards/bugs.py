"""All bugs that are planted, by the guarantee that they break."""

from guards import (
    bugs_admission,
    bugs_alerts,
    bugs_channels,
    bugs_first,
    bugs_items,
    bugs_kept,
    bugs_last,
    bugs_learning,
    bugs_lint,
    bugs_looked_at,
    bugs_order,
    bugs_own,
    bugs_people,
    bugs_policy,
    bugs_promised,
    bugs_runbook,
    bugs_walk,
)
from guards.planting import Bugs

BUGS: Bugs = {
    **bugs_first.BUGS,
    **bugs_last.BUGS,
    **bugs_order.BUGS,
    **bugs_people.BUGS,
    **bugs_policy.BUGS,
    **bugs_admission.BUGS,
    **bugs_own.BUGS,
    **bugs_runbook.BUGS,
    **bugs_alerts.BUGS,
    **bugs_channels.BUGS,
    **bugs_looked_at.BUGS,
    **bugs_lint.BUGS,
    **bugs_items.BUGS,
    **bugs_promised.BUGS,
    **bugs_kept.BUGS,
    **bugs_learning.BUGS,
    **bugs_walk.BUGS,
}
